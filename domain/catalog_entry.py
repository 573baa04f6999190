"""The base of the values that operators edit in `catalog/`."""

from pydantic import ConfigDict

from domain.model import Frozen


class CatalogEntry(Frozen):
    """A value read from a catalog file: Portuguese keys (the aliases) there, English names in the code."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)
