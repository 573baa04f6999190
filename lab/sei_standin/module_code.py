"""The packages of modules, as their makers deliver them: trees to be merged over SEI's own.

What the real ones bring is theirs; these bring a table to SEI and a recurso to SIP, named after their line, and are
known by the module's own parameter in both databases (`sei.md` 5.5).
"""

from collections.abc import Iterator

from domain.reference import Database, minor_line
from domain.upgrade.modules import Module, ModuleTable
from domain.upgrade.package import Kind, Statement
from domain.upgrade.versions import VersionRange, order_of
from lab.sei_standin.environments import MODULES_PATH
from lab.sei_standin.vendor_code import SEI_SYSTEM_ID, ScriptCode, VendorCode, Way


def module_packages(modules: ModuleTable) -> Iterator[VendorCode]:
    """Every version of every module of which it is known what installs it."""
    for module in modules.modules:
        known = sorted({_version(entry.module) for entry in module.compatibility}, key=order_of)
        if module.parameter and module.registration and (module.scripts.sip or module.scripts.sei):
            for version in known:
                yield VendorCode(
                    version=version,
                    module=module.code,
                    scripts={path: _script(module, "sip", version, known) for path in module.scripts.sip}
                    | {path: _script(module, "sei", version, known) for path in module.scripts.sei},
                    directories=tuple(f"{MODULES_PATH}/{directory}" for directory in module.registration.values()),
                )


def _version(span: VersionRange) -> str:
    """A version of the span: its last one, or the first of a line of which no single version is known."""
    return span.last or span.first or f"{span.line}.0"


def _script(module: Module, database: Database, version: str, known: list[str]) -> ScriptCode:
    older = {minor_line(other) for other in known if order_of(other) < order_of(version)} - {minor_line(version)}
    return ScriptCode(
        title=f"MÓDULO {module.name.upper()}",
        database=database,
        parameter=str(module.parameter),
        version=version,
        start_lines=tuple(sorted(older)),
        first_install=True,
        ways=(Way(statements=tuple(_brought(database, f"md_{module.code}_{minor_line(version)}"))),),
    )


def _brought(database: Database, name: str) -> Iterator[Statement]:
    table = name.replace(".", "_").replace("-", "_")
    if database == "sei":
        sql = f"CREATE TABLE {table} (id int NOT NULL, descricao varchar(50), PRIMARY KEY (id)) ENGINE=InnoDB"
        yield Statement(kind=Kind.CREATE_TABLE, table=table, sql=sql)
        return
    yield Statement(
        kind=Kind.ROWS_UPDATE,
        table="infra_sequencia",
        sql="UPDATE infra_sequencia SET num_atual = num_atual + qtd_incremento WHERE nome_tabela = %s",
        rows=(("recurso",),),
    )
    yield Statement(
        kind=Kind.ROWS_INSERT,
        table="recurso",
        sql="INSERT INTO recurso (id_sistema, id_recurso, nome, descricao, caminho, sin_ativo)"
        " SELECT %s, num_atual, %s, NULL, %s, 'S' FROM infra_sequencia WHERE nome_tabela = 'recurso'",
        rows=((SEI_SYSTEM_ID, table, f"controlador.php?acao={table}"),),
    )
