"""`python -m lab.sei_standin.update_script FILE`: what a script of SEI, SIP or a module does, as seen from outside.

It reads the database user and password as two lines, and brings the database of the environment in whose directory it
lies to its version. It checks first whether the database is as its changes need it, and then stops at the first change
that the database refuses. What MariaDB did until then stays, as it commits each change of structure: a repeat fails
where the first run began. Only a file in the environment's directory (`falha-no-script`: script, number of a change,
and `erro`, `silencio` or `trava`) makes it stop by itself. Exit codes and words are those that public automation looks
for (`sei.md` 1.5).
"""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql

from blocks.release_statement import execute_statement, find_obstacles, set_session
from domain.reference import minor_line
from domain.upgrade.package import Kind, Statement
from domain.upgrade.versions import is_version, order_of
from lab.sei_standin.environments import Configuration, read_configuration
from lab.sei_standin.renumbering import renumbered
from lab.sei_standin.vendor_code import CODE_FILES, ScriptCode, VendorCode

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

_FAULT_FILE = "falha-no-script"
_CREDENTIALS = 2


class _StoppedError(Exception):
    """The script ends here, with this code."""

    def __init__(self, exit_code: int, *lines: str) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code
        self.lines = lines


def main(program: Path) -> int:
    """Run one script to its end and give its exit code."""
    root = next(parent for parent in program.parents if any(parent.glob(CODE_FILES)))
    codes = (VendorCode.model_validate_json(file.read_bytes()) for file in sorted(root.glob(CODE_FILES)))
    path = str(program.relative_to(root))
    script = next(code.scripts[path] for code in codes if path in code.scripts)
    try:
        _run(script, root.parent, path)
    except _StoppedError as stopped:
        for line in stopped.lines:
            _say(line)
        return stopped.exit_code
    _say("FIM")
    return 0


def _run(script: ScriptCode, home: Path, path: str) -> None:
    lines = sys.stdin.buffer.read().decode("iso-8859-1").splitlines()
    if len(lines) < _CREDENTIALS:
        raise _StoppedError(1, "ERRO: INFORME O USUÁRIO E A SENHA DO BANCO DE DADOS, UM POR LINHA")
    configuration = read_configuration(home / "configuracao.json")
    started = time.monotonic()
    with _connect(configuration, script, lines[0], lines[1]) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT valor FROM infra_parametro WHERE nome = %s", (script.parameter,))
        row = cursor.fetchone()
        installed = str(row[0]) if row and row[0] else None
        due = _is_due(script, installed)
        _say(f"INICIANDO A INSTALAÇÃO/ATUALIZAÇÃO DA VERSÃO {script.version} DO {script.title}")
        if due:
            _bring(cursor, script, home, path)
        _say(f"ATUALIZANDO PARÂMETRO {script.parameter} PARA {script.version}")
        cursor.execute(
            "INSERT INTO infra_parametro (nome, valor) VALUES (%s, %s) ON DUPLICATE KEY UPDATE valor = VALUES(valor)",
            (script.parameter, script.version),
        )
    _say(f"TEMPO TOTAL DE EXECUÇÃO: {time.monotonic() - started:.0f} s")


def _bring(cursor: "Cursor", script: ScriptCode, home: Path, path: str) -> None:
    cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
    tables = {str(table) for (table,) in cursor.fetchall()}
    set_session(cursor)
    statements = renumbered(cursor, script.statements_for(tables), tables)
    for statement in statements:
        if statement.kind is Kind.REQUIRE:
            _check(cursor, statement)
    changes = [statement for statement in statements if statement.kind is not Kind.REQUIRE]
    for number, change in enumerate(changes, 1):
        _fail_if_asked(home, path, number)
        _say(f"{number}/{len(changes)}: {change.kind.label.upper()}: {change.table}")
        _change(cursor, change, number)


def _is_due(script: ScriptCode, installed: str | None) -> bool:
    """Whether it has something to bring: a later package of the same line only moves the parameter."""
    if installed is None and script.first_install:
        return True
    if installed is not None and is_version(installed):
        if installed == script.version:
            raise _StoppedError(1, f"A VERSÃO {installed} DO {script.title} JÁ ESTÁ INSTALADA")
        if minor_line(installed) == minor_line(script.version) and order_of(installed) < order_of(script.version):
            return False
        if minor_line(installed) in script.start_lines and order_of(installed) < order_of(script.version):
            return True
    raise _StoppedError(1, f"VERSÃO {installed or 'INSTALADA'} DO {script.title} NÃO ENCONTRADA NO CONJUNTO DE VERSÕES")


def _connect(
    configuration: Configuration, script: ScriptCode, user: str, password: str
) -> "pymysql.connections.Connection[Cursor]":
    database = configuration.sip_database if script.database == "sip" else configuration.sei_database
    try:
        return pymysql.connect(
            host=database.host,
            port=database.port,
            user=user,
            password=password,
            database=database.name,
            charset="latin1",
            connect_timeout=10,
            autocommit=True,
            ssl_disabled=True,  # the lab is one machine
        )
    except pymysql.err.MySQLError as e:
        number = e.args[0] if e.args else 0
        raise _StoppedError(1, f"ERRO CONECTANDO AO BANCO DE DADOS: {number}") from None


def _check(cursor: "Cursor", statement: Statement) -> None:
    where = f"TABELA {statement.table.upper()}"
    try:
        found = sum(obstacle.rows for obstacle in find_obstacles(cursor, statement))
    except pymysql.err.MySQLError as e:
        raise _StoppedError(1, f"ERRO VERIFICANDO O BANCO DE DADOS: {where}, MYSQL {e.args[0]}") from None
    if found:
        raise _StoppedError(1, f"ERRO VERIFICANDO O BANCO DE DADOS: {where}, {found} LINHAS IMPEDEM A ATUALIZAÇÃO")


def _change(cursor: "Cursor", statement: Statement, number: int) -> None:
    try:
        execute_statement(cursor, statement)
    except pymysql.err.MySQLError as e:
        # The driver's text may quote a row of the prefeitura.
        told = f"ERRO ATUALIZANDO VERSÃO: COMANDO {number}, TABELA {statement.table.upper()}, MYSQL {e.args[0]}"
        raise _StoppedError(1, told) from None


def _fail_if_asked(home: Path, path: str, number: int) -> None:
    try:
        name, at, how = (home / _FAULT_FILE).read_text(encoding="utf-8").split()
    except OSError:
        return
    if Path(path).name != name or int(at) != number:
        return
    if how == "trava":
        time.sleep(3600)
    raise _StoppedError(*((0,) if how == "silencio" else (1, "ERRO: FALHA PEDIDA PELO AMBIENTE")))


def _say(line: str) -> None:
    sys.stdout.buffer.write(line.encode("iso-8859-1", "replace") + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
