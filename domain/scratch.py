"""Schemas that exist only while something is proved, copied or restored, under names that no environment can have."""

import hashlib
from typing import Literal

from domain.environment import EnvironmentName
from domain.model import Frozen
from domain.reference import Database

Use = Literal["prova", "copia", "restauro"]


class ScratchDatabase(Frozen):
    """A schema that may be dropped without asking anybody: environments' schemas end in `_sei` or `_sip`, never so."""

    owner: EnvironmentName
    use: Use
    database: Database

    @property
    def schema_name(self) -> str:
        """`implanta_prova_3f2a9c01d4e7_sei_rascunho`; the digest keeps it short for any environment."""
        digest = hashlib.sha256(self.owner.slug.encode()).hexdigest()[:12]
        return f"implanta_{self.use}_{digest}_{self.database}_rascunho"
