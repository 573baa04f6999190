"""Small dumps for the tests that need no SEI inside."""

import hashlib
from pathlib import Path

from domain.reference import DumpFile

COMPLETE = "-- Dump completed on 2026-01-01\n"


def sql(*, sei: str | None = "4.1.1", sip: str | None = None, extra: str = "", end: str = COMPLETE) -> str:
    """A dump that says these versions, in the form that mariadb-dump writes."""
    versions = ",".join(f"('{n}_VERSAO','{v}')" for n, v in (("SEI", sei), ("SIP", sip)) if v)
    insert = f"INSERT INTO `infra_parametro` VALUES ('ID_X','1'),{versions},('Y',NULL);\n" if versions else ""
    return (
        "/*!50503 SET NAMES utf8mb4 */;\n"
        "DROP TABLE IF EXISTS `infra_parametro`;\n"
        "CREATE TABLE `infra_parametro` (`nome` varchar(50) NOT NULL, `valor` longtext, PRIMARY KEY (`nome`));\n"
        f"{insert}{extra}{end}"
    )


def write_pair(folder: Path, *, sei: str = "4.1.1", sip: str = "3.1.1", sip_sei: str | None = "4.1.0") -> None:
    """Both dumps of a version in the simple layout."""
    folder.mkdir(parents=True)
    (folder / "sei.sql").write_text(sql(sei=sei))
    (folder / "sip.sql").write_text(sql(sei=sip_sei, sip=sip))


def write_dump(path: Path, text: str) -> DumpFile:
    """A dump on disk as `find_reference` would describe it, for loading alone."""
    path.write_text(text)
    return DumpFile(
        database="sei",
        path=path,
        compression="none",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        size_bytes=path.stat().st_size,
        sei_version="4.1.1",
        sip_version=None,
    )
