"""From where one may go, and what must be true on arrival: nothing of a prefeitura's rows is lost unsaid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.catalog import Catalog
from domain.structure import Structure
from domain.upgrade.conditions import (
    Drift,
    Moment,
    TableContent,
    columns_left,
    declared_tables,
    find_drift,
    judge_arrival,
    judge_contents,
    judge_start,
    tenant_columns,
    unaccepted,
)
from domain.upgrade.release import Release, ReleaseTable, Upgrade
from domain.upgrade.versions import InstalledVersions

RELEASES: ReleaseTable = Catalog().releases()
OLD_VERSIONS = InstalledVersions(sei="4.0.12", sip="3.0.12", resources="4.0.12")
NEW_VERSIONS = InstalledVersions(sei="4.1.1", sip="3.1.1", resources="4.1.0")


def release(version: str) -> Release:
    found = RELEASES.find(version)
    assert found is not None
    return found


def way() -> Upgrade:
    found = release("4.1.0").upgrade_from("4.0.0")
    assert found is not None
    return found


def content(rows: int, digest: str = "a") -> TableContent:
    return TableContent(rows=rows, digest=digest * 64)


TABLES = st.sampled_from(["protocolo", "documento_conteudo", "anexo", "usuario", "lembrete"])
CONTENTS = st.dictionaries(TABLES, st.builds(content, st.integers(0, 5), st.sampled_from("ab")), max_size=5)


@given(CONTENTS)
def test_equal_contents_are_never_a_problem(before: dict[str, TableContent]) -> None:
    assert judge_contents({"sei": before}, {"sei": before}, way()) == []


@given(CONTENTS, CONTENTS)
def test_no_table_that_the_release_does_not_name_changes_unseen(
    before: dict[str, TableContent], after: dict[str, TableContent]
) -> None:
    problems = judge_contents({"sei": before}, {"sei": after}, way())
    declared = declared_tables(way(), "sei")
    for table, was in before.items():
        now = after.get(table)
        lost = now.rows < was.rows if now else was.rows > 0
        changed = now is not None and now != was
        told = any(problem.startswith(f"sei.{table}: ") for problem in problems)
        assert told == (lost or (changed and table not in declared))


def test_what_the_release_says_of_one_database_is_not_said_of_the_other() -> None:
    assert "usuario" in declared_tables(way(), "sei")
    assert "usuario" not in declared_tables(way(), "sip")
    moved = judge_contents({"sip": {"usuario": content(3)}}, {"sip": {"usuario": content(3, "b")}}, way())
    assert moved == ["sip.usuario: o conteúdo mudou, e a versão não diz que o muda"]


def test_the_start_must_be_of_a_line_from_which_the_target_is_reached() -> None:
    old, new = release("4.0.0"), release("4.1.0")
    assert judge_start(OLD_VERSIONS, old, new, RELEASES) == []
    assert judge_start(NEW_VERSIONS, new, new, RELEASES) == ["o banco do SEI já está na linha 4.1 (4.1.1)"]
    (problem,) = judge_start(NEW_VERSIONS, new, old, RELEASES)
    assert problem == "não há caminho da 4.1.1 para a 4.0.0, que parte de: nenhuma linha"
    assert "o registro diz 4.1.0 e o banco do SEI está na 4.0.12" in judge_start(OLD_VERSIONS, new, new, RELEASES)


@pytest.mark.parametrize("place", ["sei", "sip", "resources"])
@pytest.mark.parametrize("value", [None, "", "quatro", "4.0.0"])
def test_each_of_the_three_places_has_to_arrive(place: str, value: str | None) -> None:
    assert judge_arrival(NEW_VERSIONS, release("4.1.0"), RELEASES) == []
    found = NEW_VERSIONS.model_copy(update={place: value})
    (problem,) = judge_arrival(found, release("4.1.0"), RELEASES)
    assert "devia ser da linha" in problem


def test_a_correction_starts_below_its_number_and_arrives_at_nothing_else() -> None:
    base, fix = release("4.1.0"), release("4.1.5")
    corrected = NEW_VERSIONS.model_copy(update={"sei": "4.1.5", "sip": "3.1.5"})
    assert judge_start(NEW_VERSIONS, base, fix, RELEASES) == []
    assert judge_start(corrected, base, fix, RELEASES) == ["o banco do SEI já está na 4.1.5"]
    later = corrected.model_copy(update={"sei": "4.1.5.2"})
    assert judge_start(later, fix, fix, RELEASES) == ["o banco do SEI já está na 4.1.5.2"]
    (problem,) = judge_start(OLD_VERSIONS, release("4.0.0"), fix, RELEASES)
    assert problem == "não há caminho da 4.0.12 para a 4.1.5, que parte de: 4.1"
    assert judge_arrival(corrected, fix, RELEASES) == []
    half = corrected.model_copy(update={"sei": "4.1.1"})
    assert judge_arrival(half, fix, RELEASES) == ["SEI_VERSAO no SEI é 4.1.1 e devia ser 4.1.5"]


def structure(**tables: dict[str, str]) -> Structure:
    return Structure(tables=tables, definitions={})


def test_drift_is_accepted_by_its_place_and_a_modules_own_tables_are_none() -> None:
    expected = structure(serie={"coluna nome": "varchar(50) not null"})
    found = structure(
        serie={"coluna nome": "varchar(50) not null", "coluna nossa": "int(11) null"},
        md_pen_x={"coluna id": "int(11) not null"},
        nossa={"coluna id": "int(11) not null"},
    )
    drift = find_drift("sei", expected, found, has_modules=True)
    assert drift == [Drift("sei.nossa", "sobra"), Drift("sei.serie", "coluna nossa: sobra")]
    assert unaccepted(drift, ["sei.serie"]) == [Drift("sei.nossa", "sobra")]
    assert Drift("sei.md_pen_x", "sobra") in find_drift("sei", expected, found, has_modules=False)


def test_the_prefeituras_tables_are_held_by_the_columns_that_they_keep() -> None:
    before = structure(
        protocolo={"coluna id": "x", "coluna velha": "x", "índice PRIMARY": "único BTREE (id)"},
        serie={"coluna id": "x"},
        seq_protocolo={"coluna id": "x"},
        do_modulo={"coluna id": "x"},
    )
    after = structure(protocolo={"coluna id": "x", "coluna nova": "x"}, serie={"coluna id": "x"})
    assert tenant_columns("sei", before, after, ()) == {"protocolo": ("id",), "do_modulo": ("id",)}


def test_of_a_table_whose_rows_are_to_change_only_the_primary_key_is_compared() -> None:
    columns = {"coluna id": "int", "coluna texto": "text", "coluna outra": "int"}
    key = columns | {"índice PRIMARY": "único BTREE (id, outra)"}
    there = Structure(tables={"documento": key, "sem_chave": columns}, definitions={})
    kept = tenant_columns("sei", there, there, ("documento", "sem_chave"))
    assert kept == {"documento": ("id", "outra"), "sem_chave": ("id", "texto", "outra")}
    assert columns_left(kept, there, ()) == kept
    fewer = Structure(tables={"sem_chave": {"coluna id": "int"}}, definitions={})
    assert columns_left(kept, fewer, ("documento", "sem_chave")) == {"documento": (), "sem_chave": ("id",)}
    assert columns_left(kept, fewer, ()) == kept, "of others a lost column is told"


def test_a_moment_is_kept_as_text_and_read_back() -> None:
    moment = Moment(
        read_at=0, columns={"sei": {"anexo": ("id",)}, "sip": {}}, contents={"sei": {"anexo": content(1)}, "sip": {}}
    )
    assert Moment.model_validate_json(moment.model_dump_json()) == moment
