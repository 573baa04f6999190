"""A little of what SEI 4.1 brings, as a maker's code (`sei.md` 5.2, and the reduced references of both versions)."""

import re

from blocks.catalog import Catalog
from blocks.catalog_file import CATALOG_DIR
from domain.upgrade.package import Kind, Statement
from lab.sei_standin.vendor_code import SEI_SYSTEM_ID, ScriptCode, VendorCode, Way, core_code

MODULE_SCRIPT = "sei/scripts/mod-wssei/sei_atualizar_versao_modulo_wssei.php"


def new_table(database: str, table: str) -> Statement:
    """The table as the reference of 4.1.0 creates it."""
    text = (CATALOG_DIR / "reference" / "4.1.0" / f"{database}.sql").read_text(encoding="utf-8")
    found = re.search(rf"^create table {table}\b[^;]*", text, re.MULTILINE)
    assert found
    return Statement(kind=Kind.CREATE_TABLE, table=table, sql=found[0])


def alter(table: str, change: str) -> Statement:
    return Statement(kind=Kind.ALTER_TABLE, table=table, sql=f"ALTER TABLE {table} {change}")


SIP = (
    new_table("sip", "infra_erro_php"),
    new_table("sip", "grupo_perfil"),
    Statement(
        kind=Kind.ROWS_INSERT,
        table="recurso",
        sql="INSERT INTO recurso (id_sistema, id_recurso, nome, descricao, caminho, sin_ativo)"
        " VALUES (%s, %s, %s, NULL, %s, 'S')",
        rows=((SEI_SYSTEM_ID, 100099001, "plano_trabalho_cadastrar", "controlador.php?acao=plano_trabalho_cadastrar"),),
    ),
    Statement(
        kind=Kind.ROWS_UPDATE,
        table="infra_parametro",
        sql="UPDATE infra_parametro SET valor = %s WHERE nome = %s",
        rows=(("3.1.1", "SIP_VERSAO"),),
    ),
)
SEI = (
    new_table("sei", "seq_tipo_prioridade"),
    alter("serie", "MODIFY nome varchar(100) NOT NULL"),
    alter("protocolo", "ADD sin_eliminado char(1) NULL"),
    Statement(kind=Kind.FILL, table="protocolo", sql="UPDATE protocolo SET sin_eliminado = 'N'"),
    alter("protocolo", "MODIFY sin_eliminado char(1) NOT NULL"),
)


def code_of(version: str) -> VendorCode:
    """The code of a version of the catalog, with the module's script that comes with it."""
    releases = Catalog().releases()
    release = releases.find(version)
    assert release
    brings = version == "4.1.0"
    code = core_code(
        release, releases, [Way(statements=SIP)] if brings else (), [Way(statements=SEI)] if brings else ()
    )
    module = ScriptCode(
        title="MÓDULO WSSEI",
        database="sei",
        parameter="VERSAO_MODULO_WSSEI",
        version="2.2.0",
        start_lines=("2.0",),
        first_install=True,
        ways=(
            Way(
                statements=(
                    Statement(
                        kind=Kind.CREATE_TABLE,
                        table="md_wssei_notificacao",
                        sql="CREATE TABLE md_wssei_notificacao (id int NOT NULL PRIMARY KEY) ENGINE=InnoDB",
                    ),
                )
            ),
        ),
    )
    return code.model_copy(update={"scripts": {**code.scripts, MODULE_SCRIPT: module}})
