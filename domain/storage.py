"""The catalog's rules for what an environment stores, in one file: `storage.yaml`."""

from pydantic import Field

from domain.bucket import BucketRules
from domain.catalog_entry import CatalogEntry
from domain.quota import QuotaRule


class StorageRule(CatalogEntry):
    """Buckets and file repositories."""

    buckets: BucketRules
    quota: QuotaRule = Field(alias="repositorio_de_arquivos")
