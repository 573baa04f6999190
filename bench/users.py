"""What importing ten thousand people costs: read, judge, accounts, SIP, permissions, replication, proof.

Everything is measured in one run, on one private lab. The floor is nothing but the writes: pipelined LDAP adds, and one
`executemany` transaction a database with the very rows that the import left. The row-by-row way is what the public
macros do by hand: each person alone, an account over a connection of its own, then `replicarUsuario` and
`replicarPermissao` in one SOAP call each; it is measured on a sample, in an environment without other people, and
scaled. It has the stand-in's time in it, and so has the import that is held against it. Elsewhere what the stand-in of
SEI takes to replicate is left out. Each import runs in a process of its own, as in production; what that takes to have
its libraries counts towards the seconds of the whole, and not towards the ratios, whose other side has them already.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

from bench.cpf import cpf
from bench.private_lab import private_lab
from bench.result import BenchResult, Figure, Ratio
from cli.output import talk

if TYPE_CHECKING:
    from blocks.mariadb import MariaDBServer
    from domain.environment import EnvironmentName

Schema: TypeAlias = "tuple[MariaDBServer, str]"
Table: TypeAlias = tuple[list[str], list[tuple[object, ...]]]

PEOPLE = 10_000
SAMPLE = 100
LIMIT_SECONDS = 25.0
AGAIN_LIMIT_SECONDS = 5.0
ROW_BY_ROW_LIMIT = 0.2
FLOOR_LIMIT = 2.5
MEMORY_LIMIT_MIB = 400
UNITS = 40
NAMES = ("Ana", "Beatriz", "Caio", "Débora", "Élcio", "Fátima", "Gérson", "Heloísa", "Ítalo", "Jussara")
SURNAMES = ("Assunção", "Brandão", "Conceição", "Drummond", "Estêvão", "Fonseca", "Gusmão", "Hemetério", "Inácio")


def measure() -> BenchResult:
    """Import ten thousand people into a new environment, then again; then the floor, then a sample row by row."""
    with private_lab():
        ours, bare, aside = _prepare()
        # The second run has nothing to judge, and does not load the library that would.
        first, second = _import(ours, "blocks.expectations"), _import(ours)
        floor = _floor(ours, bare)
        row_by_row = _row_by_row(aside) * PEOPLE / SAMPLE
    if second["changed"]:
        raise RuntimeError(f"the second import changed {second['changed']:.0f} things")
    own, again = first["whole"] - first["standin"], second["whole"] - second["standin"]
    return BenchResult(
        name="users",
        figures={
            "people": Figure(value=PEOPLE, unit="pessoas"),
            "start": Figure(value=first["start"], unit="s"),
            "whole": Figure(value=first["whole"], unit="s"),
            "standin": Figure(value=first["standin"], unit="s"),
            "again": Figure(value=again, unit="s"),
            "floor": Figure(value=floor, unit="s"),
            "row_by_row_scaled": Figure(value=row_by_row, unit="s"),
            "memory": Figure(value=first["memory"], unit="MiB"),
        },
        ratios={
            "whole_over_25_seconds": Ratio(value=(first["start"] + own) / LIMIT_SECONDS, limit=1),
            "whole_over_row_by_row": Ratio(value=first["whole"] / row_by_row, limit=ROW_BY_ROW_LIMIT),
            "whole_over_floor": Ratio(value=own / floor, limit=FLOOR_LIMIT),
            "memory_over_400_mib": Ratio(value=first["memory"] / MEMORY_LIMIT_MIB, limit=1),
            "again_over_5_seconds": Ratio(value=again / AGAIN_LIMIT_SECONDS, limit=1),
        },
    )


def _prepare() -> "list[EnvironmentName]":
    """A prefeitura with units, a spreadsheet of ten thousand people and three environments without people."""
    from blocks.catalog import Catalog
    from cli.intake import send_text
    from cli.municipality import open_registry
    from domain.environment import EnvironmentName, Purpose
    from domain.municipality import municipality_from
    from domain.plan import Plan
    from flows.create_environment import create_environment
    from tasks import doors
    from tasks.adhesion import adhere
    from tasks.units import ensure_units

    municipality = municipality_from("3106200", "Belo Horizonte", 2_530_701, Catalog().ibge_table())
    plan = Plan(faixa=None, users=PEOPLE, concurrent_users=1_000, negotiated=True)
    adhere(open_registry(), municipality, plan)
    doors.object_storage().ensure_bucket(f"{municipality.slug}-entrada")
    send_text(municipality.slug, "unidades.csv", "\n".join(_units()))
    send_text(municipality.slug, "usuarios.csv", "\n".join(_sheet(range(PEOPLE))))
    names = [
        EnvironmentName(municipality=municipality.slug, purpose=purpose)
        for purpose in (Purpose.TREINAMENTO, Purpose.PRODUCAO, Purpose.HOMOLOGACAO)
    ]
    for name in names:
        create_environment(name.municipality, name.purpose)
        ensure_units(name.slug)
    return names


def _units() -> Iterator[str]:
    yield "sigla;descricao;superior;email"
    yield "GAB;Gabinete;;"
    for number in range(1, UNITS):
        yield f"SEC{number:02d};Secretaria {number:02d};GAB;"


def _sheet(numbers: range) -> Iterator[str]:
    yield "nome;cpf;email;login;unidade;perfil;matricula"
    for number in numbers:
        profile = "Básico, Administrador" if number % 1000 == 0 else "Básico"
        login = _login(number)
        cells = (
            _name(number),
            cpf(100_000_000 + number),
            f"{login}@bh.example",
            login,
            _unit(number),
            profile,
            str(number + 1),
        )
        yield ";".join(cells)


def _unit(number: int) -> str:
    return f"SEC{1 + number % (UNITS - 1):02d}"


def _name(number: int) -> str:
    first, second = NAMES[number % len(NAMES)], SURNAMES[number // 10 % len(SURNAMES)]
    return f"{first} {second} {'abcdefghij'[number // 90 % 10].upper()}. {SURNAMES[number // 900 % len(SURNAMES)]}"


def _login(number: int) -> str:
    return f"servidor.{number}"


def _import(name: "EnvironmentName", *modules: str) -> dict[str, float]:
    """What one import in a process of its own says of itself."""
    command = [sys.executable, "-m", "bench.users_import", name.slug, *modules]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # ours
    said: dict[str, float] = json.loads(done.stdout)
    shown = f"importação: {said['whole']:.1f} s, dos quais {said['standin']:.1f} s do SEI de bancada"
    talk.print(f"{done.stderr}{shown}", highlight=False)
    return said


def _floor(ours: "EnvironmentName", bare: "EnvironmentName") -> float:
    """Seconds of nothing but the writes, into the bare environment: pipelined adds, then each database's rows."""
    from tasks.instance import load_instance

    left, empty = load_instance(ours.slug).server, load_instance(bare.slug).server
    rows = {
        schema_of: _new_rows((left, getattr(ours, schema_of)), (empty, getattr(bare, schema_of)), tables)
        for schema_of, tables in (
            ("database_sip", ("usuario", "permissao")),
            ("database_sei", ("contato", "usuario")),
        )
    }
    started = monotonic()
    _add_accounts(bare)
    for schema_of, tables in rows.items():
        with empty.transaction(getattr(bare, schema_of)) as cursor:
            for table, (columns, values) in tables.items():
                marks = ", ".join(["%s"] * len(columns))
                cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)
    seconds = monotonic() - started
    talk.print(f"piso: {seconds:.1f} s", highlight=False)
    return seconds


def _new_rows(left: Schema, bare: Schema, tables: tuple[str, ...]) -> dict[str, Table]:
    """What the import left in each table and the bare schema has not, in an order that foreign keys allow."""
    found: dict[str, Table] = {}
    for table in tables:
        key = ("id_perfil", "id_usuario", "id_unidade") if table == "permissao" else (f"id_{table}",)
        (columns, new), (_, known) = _read(left, table, key), _read(bare, table, key)
        found[table] = (columns, [row for at, row in new.items() if at not in known])
    return found


def _read(
    schema: Schema, table: str, key: tuple[str, ...]
) -> tuple[list[str], dict[tuple[object, ...], tuple[object, ...]]]:
    server, database = schema
    with server.transaction(database) as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        columns = [str(column[0]) for column in cursor.description or ()]
        places = [columns.index(name) for name in key]
        return columns, {tuple(row[place] for place in places): row for row in cursor.fetchall()}


def _add_accounts(bare: "EnvironmentName") -> None:
    from blocks.directory_batch import Batch
    from tasks import doors

    directory = doors.directory()
    people = directory.people_dn(bare)
    with directory.as_admin(in_bulk=True) as connection:
        batch = Batch(connection)
        for number in range(PEOPLE):
            name = _name(number)
            attributes = {
                "uid": f"piso.{number}",
                "cn": name,
                "sn": name.split()[-1],
                "mail": f"piso.{number}@bh.example",
            }
            batch.add(f"uid=piso.{number},{people}", attributes, alike={"objectClass": "inetOrgPerson"})
        batch.finish()


def _row_by_row(aside: "EnvironmentName") -> float:
    """Seconds of a sample of people, each alone: account, user with replication, permission."""
    from blocks.sip import ORGAO_ID, SEI_SYSTEM_ID
    from blocks.soap_client import SoapClient
    from tasks import doors
    from tasks.instance import load_instance

    instance, directory = load_instance(aside.slug), doors.directory()
    units = {unit.sigla: unit.id_unidade for unit in instance.people.list_units()}
    profile = instance.users.profile_ids()["Básico"]
    key = doors.environment_secrets(aside.slug).access_keys()[SEI_SYSTEM_ID].text.get_secret_value()
    client = SoapClient(doors.runtime().address(aside), "sip", "SipWS", timeout_seconds=60)
    started = monotonic()
    for number in range(SAMPLE):
        name, login = _name(number), _login(number)
        with directory.as_admin() as connection:
            entry = {"uid": login, "cn": name, "sn": name.split()[-1], "mail": f"{login}@bh.example"}
            connection.add(f"uid={login},{directory.people_dn(aside)}", ["inetOrgPerson"], entry)
        user = {
            "StaOperacao": "C",
            "IdOrigem": str(number + 1),
            "IdOrgao": str(ORGAO_ID),
            "Sigla": login,
            "Nome": name,
            "Cpf": cpf(100_000_000 + number),
            "Email": f"{login}@bh.example",
        }
        grant = {
            "StaOperacao": "A",
            "IdSistema": str(SEI_SYSTEM_ID),
            "IdOrgaoUsuario": str(ORGAO_ID),
            "IdOrigemUsuario": str(number + 1),
            "IdUnidade": str(units[_unit(number)]),
            "IdPerfil": str(profile),
            "DataInicial": f"{datetime.now(tz=UTC):%d/%m/%Y}",
            "SinSubunidades": "N",
        }
        with client.calling("Confira a bancada.") as service:
            service.replicarUsuario(
                ChaveAcesso=key,
                Usuarios=client.structures("Usuario", [user]),
                SinConsiderarOrgao="S",
                SistemasReplicacao=client.texts([str(SEI_SYSTEM_ID)]),
            )
            service.replicarPermissao(ChaveAcesso=key, Permissoes=client.structures("Permissao", [grant]))
    seconds = monotonic() - started
    talk.print(f"linha a linha: {seconds:.1f} s para {SAMPLE} pessoas", highlight=False)
    return seconds
