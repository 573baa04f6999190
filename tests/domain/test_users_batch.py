"""A batch of users: finished wherever it was cut off, undone to the letter, and never over what somebody did since."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import IntegrityError
from domain.person import Person
from domain.sip_user import Grant, SipUser
from domain.text import collation_key
from domain.users_batch import Batch, as_kept, batch_id, brought_by, brought_midway, joiners, remaining
from domain.users_plan import StepKind, UsersPlan, plan_users
from tests.domain.examples import make_cpf
from tests.domain.sip_in_memory import DAY, LONG_AGO, PROFILES, SEI, SipInMemory, person, place
from tests.domain.test_users_plan import colliding_rows, files, kinds, make_city, worlds


@pytest.fixture
def sip() -> SipInMemory:
    return SipInMemory()


# Cut off anywhere


@settings(max_examples=300, deadline=None)
@given(files(), files(), st.data())
def test_batch_cut_off_anywhere_is_finished(first: list[Person], second: list[Person], data: st.DataObject) -> None:
    sip, whole = SipInMemory(), SipInMemory()
    for each in (sip, whole):
        each.bring(*first)
        each.sleep()
    batch = sip.open(sip.plan(*second))
    whole.apply(batch)
    for _ in range(data.draw(st.integers(1, 4), label="runs that were killed")):
        rest = remaining(batch.steps, sip.users.values())
        done = data.draw(st.integers(0, len(rest)), label="whole steps")
        for step in rest[:done]:
            sip.apply_step(step)
        if done < len(rest):
            sip.apply_step(rest[done], data.draw(st.integers(0, 12), label="writes"))
        sip.sleep(data.draw(st.integers(0, 1)))
    sip.apply(batch)
    assert remaining(batch.steps, sip.users.values()) == []
    assert sip.users == whole.users
    assert sip.brought == whole.brought


@settings(max_examples=200, deadline=None)
@given(worlds(), colliding_rows())
def test_plan_can_always_be_applied_as_it_is(sip: SipInMemory, sheet: list[Person]) -> None:
    plan = sip.plan(*sheet)
    assert remaining(plan.steps, sip.users.values()) == list(plan.steps)


@settings(max_examples=200, deadline=None)
@given(files(), files(), files(), st.data())
def test_batch_that_was_overtaken_is_remembered_as_far_as_it_came(
    first: list[Person], second: list[Person], third: list[Person], data: st.DataObject
) -> None:
    sip = SipInMemory()
    sip.bring(*first)
    sip.sleep()
    batch = sip.open(sip.plan(*second))
    for step in data.draw(st.permutations(batch.steps))[: data.draw(st.integers(0, len(batch.steps)))]:
        # Whoever is not even told apart by CPF yet may be anybody.
        sip.apply_step(step, data.draw(st.none() | st.integers(0 if step.before else 1, 12)))
    sip.brought = brought_midway(batch, sip.users.values())
    sip.sleep()
    plan = sip.plan(*third)
    assert (plan.refused, plan.left_ended) == ((), 0), "nothing of it looks as if a hand had done it"
    sip.bring(*third)
    assert sip.active() == {row.sigla for row in third}
    for row in third:
        wanted = {place(each.unidade, each.perfil) for each in row.lotacoes}
        assert sip.in_force(sip.find(row.sigla)) == wanted


def test_who_was_deactivated_by_hand_during_a_batch_is_still_remembered(sip: SipInMemory) -> None:
    sip.bring(person(1), person(2))
    known = sip.find("pessoa.1")
    batch = sip.open(sip.plan(person(1, unidades=("SEMED",)), person(2)))
    sip.edit(known, ativo=False)
    with pytest.raises(IntegrityError):
        remaining(batch.steps, sip.users.values())
    sip.brought = brought_midway(batch, sip.users.values())
    assert "alguém desativou" in str(sip.plan(person(1), person(2)).refused)


@pytest.mark.parametrize(
    "change",
    [
        {"email": "a.mao@example.org"},
        {"nome": "À mão"},
        {"nome_social": "À mão"},
        {"sigla": "a.mao"},
        {"cpf": make_cpf(99)},
        {"id_origem": "99"},
        {"ativo": False},
        {"grants": ()},
        {"grants": (Grant(place("SEMED"), LONG_AGO),)},
    ],
)
def test_user_changed_by_hand_meanwhile_is_never_overwritten(sip: SipInMemory, change: dict[str, object]) -> None:
    sip.bring(person(1), person(2))
    known = sip.find("pessoa.1")
    batch = sip.open(sip.plan(person(1, unidades=("SEMUS",)), person(2)))
    sip.edit(known, **change)
    with pytest.raises(IntegrityError, match=r"^1 usuário\(s\) mudaram no SIP depois que o plano foi feito: linha 2 "):
        remaining(batch.steps, sip.users.values())


@pytest.mark.parametrize(
    "made_by_hand",
    [
        pytest.param({"cpf": make_cpf(99)}, id="the login is another's"),
        pytest.param({"nome": "Outra", "cpf": None}, id="the login is somebody's of another name"),
        pytest.param({"sigla": "outro"}, id="the CPF has another login"),
        pytest.param({"ativo": False}, id="came and was deactivated"),
        pytest.param({"grants": (Grant(place("SEMUS"), LONG_AGO),)}, id="has more than the sheet gives"),
    ],
)
def test_joiner_whom_somebody_made_by_hand_meanwhile_overtakes(
    sip: SipInMemory, made_by_hand: dict[str, object]
) -> None:
    batch = sip.open(sip.plan(person(1)))
    sip.add(1, **made_by_hand)  # type: ignore[arg-type]  # fields of its own
    with pytest.raises(IntegrityError) as error:
        remaining(batch.steps, sip.users.values())
    assert "linha 2" in str(error.value)
    assert "pessoa.1" not in str(error.value)


def test_login_taken_by_somebody_else_meanwhile_overtakes_a_rename(sip: SipInMemory) -> None:
    sip.bring(person(1))
    batch = sip.open(sip.plan(person(1, sigla="novo")))
    sip.add(2, sigla="NOVO")
    with pytest.raises(IntegrityError, match="linha 2"):
        remaining(batch.steps, sip.users.values())


def test_login_may_go_back_to_who_shares_it_with_an_inactive_user(sip: SipInMemory) -> None:
    sip.add(9, sigla="pessoa.1", ativo=False)
    known = sip.add(1)
    sip.undo(sip.bring(person(1, sigla="novo")))
    assert sip.state(known).sigla == "pessoa.1"


def test_leaver_whose_login_an_inactive_user_has_meanwhile_is_planned_anew(sip: SipInMemory) -> None:
    sip.bring(person(1), person(2))
    batch = sip.open(sip.plan(person(2)))
    sip.add(9, sigla="PESSOA.1", ativo=False)
    with pytest.raises(IntegrityError, match="usuário 100000001 do SIP"):
        remaining(batch.steps, sip.users.values())
    assert sip.bring(person(2)).steps[0].after.ativo


def test_user_who_vanished_overtakes(sip: SipInMemory) -> None:
    sip.bring(person(1))
    batch = sip.open(sip.plan(person(1, sigla="novo")))
    with pytest.raises(IntegrityError, match="linha 2"):
        remaining(batch.steps, ())


# Undo


def is_as_before(sip: SipInMemory, before: SipUser) -> bool:
    """Whether a user is as then, to the letter; SIP deletes no permission, so a new one is there and has ended."""
    now, old = sip.users[before.id_usuario], before.state.by_place
    new = [grant for grant in now.state.grants if grant.place not in old]
    return all(grant.has_ended(sip.day) for grant in new) and before == replace(
        now, state=now.state.with_grants(grant for grant in now.state.grants if grant.place in old)
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(files(), max_size=3), files(), st.integers(0, 3))
def test_undo_of_any_file_puts_access_fields_and_memory_back(
    earlier: list[list[Person]], sheet: list[Person], days: int
) -> None:
    sip = SipInMemory()
    sip.add(50, grants=(Grant(place(), LONG_AGO),))
    for each in earlier:
        sip.bring(*each)
        sip.sleep()
    users, brought = dict(sip.users), dict(sip.brought)
    batch = sip.bring(*sheet)
    sip.sleep(days)
    plan = sip.plan_undo(batch)
    assert not plan.refused
    back = sip.undo(batch)
    assert sip.brought == brought
    for user in sip.users:
        if user in users:
            assert is_as_before(sip, users[user])
        else:
            assert sip.access()[user] == (False, frozenset())
    again = sip.plan_undo(batch)
    assert (again.steps, again.refused, again.unchanged) == ((), (), len(batch.steps))
    assert again.kept == plan.kept
    assert {step.after.sigla for step in batch.steps if step.kind is StepKind.JOIN} == {
        state.sigla for state in joiners(back, batch)
    }


@settings(max_examples=200, deadline=None)
@given(worlds(), colliding_rows(), st.sampled_from(range(3)))
def test_undo_in_any_world_restores_all_but_who_would_share(sip: SipInMemory, sheet: list[Person], days: int) -> None:
    users, brought = dict(sip.users), dict(sip.brought)
    batch = sip.bring(*sheet)
    sip.sleep(days)
    steps = [batch.steps[row.linha - 1] for row in sip.plan_undo(batch).refused]
    refused = {step.before.id_usuario: step.before.state for step in steps if step.before}
    assert len(refused) == len(steps), "who came with the batch always goes"
    for user, old in refused.items():
        others = [each.state for each in sip.users.values() if each.id_usuario != user and each.state.ativo]
        assert any(
            getattr(other, name) and collation_key(getattr(other, name)) == collation_key(getattr(old, name) or "")
            for other in others
            for name in ("sigla", "cpf", "email", "id_origem")
        )
    kept = users.keys() - refused.keys()
    sip.undo(batch)
    assert all(is_as_before(sip, users[user]) for user in kept)
    assert {user: places for user, places in sip.brought.items() if user in kept} == {
        user: places for user, places in brought.items() if user in kept
    }
    assert not any(sip.state(user).ativo for user in sip.users if user not in users)


@settings(max_examples=200, deadline=None)
@given(files(), files(), st.data())
def test_undo_cut_off_anywhere_is_finished(first: list[Person], second: list[Person], data: st.DataObject) -> None:
    sip = SipInMemory()
    sip.bring(*first)
    before = sip.access()
    sip.sleep()
    batch = sip.bring(*second)
    back = sip.open(sip.plan_undo(batch), undoes=batch.id)
    for step in back.steps[: data.draw(st.integers(0, len(back.steps)))]:
        sip.apply_step(step, data.draw(st.none() | st.integers(0, 12)))
    sip.apply(back)
    assert {user: access for user, access in sip.access().items() if user in before} == before
    assert remaining(back.steps, sip.users.values()) == []


@settings(max_examples=200, deadline=None)
@given(st.lists(files(), min_size=2, max_size=4), st.data())
def test_undo_of_an_older_batch_touches_nobody_who_moved_on(sheets: list[list[Person]], data: st.DataObject) -> None:
    sip = SipInMemory()
    batches = []
    for sheet in sheets:
        batches.append(sip.bring(*sheet))
        sip.sleep()
    batch = data.draw(st.sampled_from(batches))
    users, brought = dict(sip.users), dict(sip.brought)
    plan = sip.plan_undo(batch)
    for step in plan.steps:
        assert step.before
        assert step.before.state in [each.after for each in batch.steps], "it is as the batch left it"
    touched = {step.before.id_usuario for step in plan.steps if step.before}
    sip.undo(batch)
    assert {user for user in users if sip.users[user] != users[user]} <= touched
    for user in brought:
        if user not in touched and sip.state(user).ativo and user in sip.brought:
            assert all(about in sip.state(user).by_place for about in sip.brought[user])
    assert len(sip.active()) == plan.active_after


def test_undo_refuses_users_that_moved_on(sip: SipInMemory) -> None:
    sip.bring(person(1), person(2), person(3), person(5))
    sip.sleep()
    batch = sip.bring(person(1, unidades=("SEMED",)), person(2, unidades=("SEMED",)), person(4), person(5))
    assert kinds_of(batch) == [StepKind.CHANGE, StepKind.CHANGE, StepKind.JOIN, StepKind.LEAVE]
    moved, joined, left = sip.find("pessoa.1"), sip.find("pessoa.4"), sip.find("pessoa.3")
    sip.edit(moved, email="novo@example.org")
    sip.give(joined, Grant(place("SEMUS"), sip.day))
    sip.edit(left, ativo=True)
    remembered = dict(sip.brought)
    plan = sip.plan_undo(batch)
    assert [row.reasons for row in plan.refused] == [
        (f"o usuário {user} do SIP mudou depois da importação",) for user in (moved, joined, left)
    ]
    assert kinds(plan) == [StepKind.CHANGE]
    sip.undo(batch)
    assert {user: sip.brought.get(user) for user in (moved, joined, left)} == {
        user: remembered.get(user) for user in (moved, joined, left)
    }


def kinds_of(batch: Batch) -> list[StepKind]:
    return [step.kind for step in batch.steps]


def test_joiner_who_got_another_login_since_is_not_forgotten_by_the_undo(sip: SipInMemory) -> None:
    batch = sip.bring(person(1))
    sip.bring(person(1, sigla="novo.login"))
    plan = sip.plan_undo(batch)
    assert not plan.steps
    assert "mudou depois da importação" in str(plan.refused[0])


@pytest.mark.parametrize(
    ("row", "then", "label"),
    [
        ({"sigla": "novo"}, {"sigla": "pessoa.1"}, "o login"),
        ({"email": "novo@example.org"}, {"email": "PESSOA1@example.org"}, "o e-mail"),
        ({"matricula": "8"}, {"id_origem": "pessoa.1"}, "a matrícula"),
        ({"cpf": make_cpf(8)}, {"cpf": make_cpf(1)}, "o CPF"),
    ],
)
def test_undo_gives_nobody_what_is_anothers_by_now(
    sip: SipInMemory, row: dict[str, str], then: dict[str, str], label: str
) -> None:
    sip.bring(person(1))
    batch = sip.bring(person(1, **row))  # type: ignore[arg-type]  # names of `person`
    sip.add(2, **then)  # type: ignore[arg-type]  # fields of its own
    plan = sip.plan_undo(batch)
    assert not plan.steps
    assert f"{label} de antes já é de outro usuário" in str(plan.refused[0])


def test_undo_does_not_bring_back_who_would_share_a_login(sip: SipInMemory) -> None:
    sip.bring(person(1), person(2))
    batch = sip.bring(person(2))
    sip.add(3, sigla="pessoa.1")
    plan = sip.plan_undo(batch)
    assert not plan.steps
    assert "o login de antes já é de outro usuário" in str(plan.refused[0])


def test_undo_of_a_first_import_over_people_made_by_hand_forgets_them(sip: SipInMemory) -> None:
    sip.add(1, grants=(Grant(place(), LONG_AGO),))
    batch = sip.bring(person(1))
    assert batch.steps == ()
    assert sip.brought
    sip.undo(batch)
    assert not sip.brought, "or the next spreadsheet would take away who no spreadsheet brought"


def test_what_was_undone_comes_again_by_the_same_file(sip: SipInMemory) -> None:
    batch = sip.bring(person(1))
    sip.undo(batch)
    assert kinds(sip.plan(person(1))) == [StepKind.RETURN]
    sip.bring(person(1))
    assert sip.in_force(sip.find("pessoa.1")) == {place()}


def test_code_of_an_undo_is_the_same_on_another_day(sip: SipInMemory) -> None:
    sip.bring(person(1), person(2), person(3))
    sip.sleep()
    batch = sip.bring(person(1, unidades=("SEMED",)), person(2), person(4))
    sip.sleep()
    first = sip.plan_undo(batch).digest
    sip.sleep()
    assert sip.plan_undo(batch).digest == first


def test_only_who_came_with_a_batch_loses_the_account_by_its_undo(sip: SipInMemory) -> None:
    sip.bring(person(1))
    other = sip.bring(person(1), person(2))
    batch = sip.bring(person(1, sigla="novo"), person(2), person(3))
    back = sip.open(sip.plan_undo(batch), undoes=batch.id)
    assert [state.sigla for state in joiners(back, batch)] == ["pessoa.3"]
    assert joiners(back, other) == joiners(back, None) == joiners(batch, None) == ()


# Stored


def test_memory_finds_who_came_by_login_and_prefers_the_active_user(sip: SipInMemory) -> None:
    old = sip.add(9, sigla="pessoa.1", ativo=False)
    plan = sip.plan(person(2))
    kept = (replace(plan.kept[0], sigla="PESSOA.1"),)
    assert brought_by(kept, sip.users.values()) == {old: frozenset({place()})}
    new = sip.add(1)
    assert brought_by(kept, sip.users.values()) == {new: frozenset({place()})}
    assert brought_by(kept, ()) == {}
    assert brought_by(as_kept({new: frozenset({place(), place("SEMED")})}), ()) == {
        new: frozenset({place(), place("SEMED")})
    }


@settings(max_examples=200, deadline=None)
@given(worlds(), colliding_rows())
def test_batch_is_read_as_it_was_stored(sip: SipInMemory, sheet: list[Person]) -> None:
    batch = sip.open(sip.plan(*sheet))
    stored = Batch.read(batch.model_dump_json())
    assert stored == batch
    assert remaining(stored.steps, sip.users.values()) == remaining(batch.steps, sip.users.values())
    assert as_plan(stored).digest == as_plan(batch).digest


def as_plan(batch: Batch) -> UsersPlan:
    return UsersPlan(day=batch.day, steps=batch.steps)


def test_batch_with_what_it_does_not_know_is_refused_without_personal_data(sip: SipInMemory) -> None:
    stored = sip.open(sip.plan(person(1))).model_dump_json()
    for old, new in (('"cpf":', '"outro":'), (f'"{DAY}"', '"ontem"'), ('"nome_social":null', '"nome_social":7')):
        assert old in stored
        with pytest.raises(ValidationError) as error:
            Batch.read(stored.replace(old, new))
        assert make_cpf(1) not in str(error.value)
        assert "Pessoa 1" not in str(error.value)


def test_batch_shows_no_personal_data(sip: SipInMemory) -> None:
    sip.bring(person(1))
    shown = repr(sip.open(sip.plan(person(1, sigla="novo"), person(2))))
    for secret in (make_cpf(1), "pessoa.1", "novo", "Pessoa 1", "pessoa2@"):
        assert secret not in shown


def test_id_of_a_batch_sorts_by_time_and_names_the_plan() -> None:
    assert batch_id(datetime(2026, 11, 28, 5, 12, tzinfo=UTC), "3f9a0c1d" * 8) == "20261128-051200-3f9a0c1d"


def test_batch_of_ten_thousand_people_reads_back_as_it_was_stored() -> None:
    people, users, brought, units = make_city(10_000)
    plan = plan_users(people, users, units=units, profiles=PROFILES, system=SEI, brought=brought, today=DAY)
    sip = SipInMemory()
    sip.brought = brought
    batch = sip.open(plan)
    assert Batch.read(batch.model_dump_json()) == batch
