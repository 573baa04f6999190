"""Whether databases and configuration are of the code: the application serves nothing until they are.

SEI itself warns of another version; that it then serves nothing at all is ours, so that nobody works in a half-done
upgrade. [INF]
"""

from functools import cache

from blocks.catalog import Catalog
from domain.reference import minor_line
from domain.upgrade.versions import is_version
from lab.sei_standin.database import read_parameter
from lab.sei_standin.environments import Environment


def code_problem(environment: Environment) -> str | None:
    """Why the code may not work on these databases, in words for the operator; None when it may."""
    version = environment.code_version
    if version is None:
        return None
    with environment.sei() as sei:
        in_sei = read_parameter(sei, "SEI_VERSAO")
    with environment.sip() as sip:
        in_sip, resources = read_parameter(sip, "SIP_VERSAO"), read_parameter(sip, "SEI_VERSAO")
    sei_line, sip_line = _lines(version)
    for place, found, wanted in (
        ("o banco do SEI", in_sei, sei_line),
        ("o banco do SIP", in_sip, sip_line),
        ("os recursos do SEI no SIP", resources, sei_line),
    ):
        if wanted and (found is None or not is_version(found) or minor_line(found) != wanted):
            told = found or "desconhecida"
            return f"O código é do SEI {version} e {place} da versão {told}: atualize ou volte o código."
    if missing := environment.missing_modules():
        return f"A configuração pede módulos que o código não tem: {', '.join(missing)}."
    return None


@cache
def _lines(version: str) -> tuple[str, str | None]:
    """The lines of SEI and SIP that the databases must have; no line of SIP for what the catalog does not know."""
    release = Catalog().releases().find(version)
    return minor_line(version), release.sip_line if release else None
