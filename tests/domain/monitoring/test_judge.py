"""From what was seen to answers: limits, what is closed on purpose, and what something below explains."""

from datetime import timedelta

import pytest

from domain.monitoring.facts import (
    Answer,
    DiskFigures,
    EnvironmentFigures,
    Expectation,
    Fleet,
    PageSeen,
    Seen,
    ServerFigures,
    Watched,
)
from domain.monitoring.judge import judge
from domain.monitoring.rules import Probe
from domain.monitoring.state import Observation
from domain.quota import QuotaLevel, QuotaVerdict
from tests.domain.monitoring.examples import BEGAN, RULE, watched

WELL = PageSeen(signs_in=True, seconds=0.2, certificate_until=BEGAN + timedelta(days=90))
NEVER_ASKED = PageSeen(maintenance=True, seconds=0.2)
BROKEN = PageSeen(problem="HTTP 502 em lugar da página de entrada")
FIGURES = EnvironmentFigures(present=True, heartbeat_seconds=120, concurrent_users=3, users=100, storage_bytes=10)
HOUSE = watched("casa")


def server(environment: EnvironmentFigures = FIGURES, changes: dict[str, object] | None = None) -> ServerFigures:
    facts = {"connections": 10, "max_connections": 100, "replicates": False, "environments": {"casa": environment}}
    return ServerFigures.model_validate({**facts, **(changes or {})})


def answers(seen: Seen, one: Watched = HOUSE) -> dict[tuple[str, Probe], Observation]:
    found = judge(Fleet(watched=(one,)), seen, RULE, BEGAN)
    return {(answer.subject, answer.probe): answer for answer in found}


def bad(seen: Seen, one: Watched = HOUSE) -> set[Probe]:
    return {probe for (_, probe), answer in answers(seen, one).items() if answer.bad}


def test_all_is_well() -> None:
    quota = QuotaVerdict(level=QuotaLevel.WARNING, percent=95, detail="95 GB de 100 GB")
    seen = Seen(pages={"casa": WELL}, servers={"principal": server()}, quotas={"casa": quota}, sign_ins={"casa": True})
    found = answers(seen)
    assert not any(answer.bad for answer in found.values())
    assert {probe for _, probe in found} == {
        *(Probe.PAGE, Probe.CERTIFICATE, Probe.SCHEMAS, Probe.SIGN_IN, Probe.SCHEDULER, Probe.QUOTA),
        *(Probe.CONCURRENT, Probe.USERS, Probe.DATABASE, Probe.SWEEP),
    }
    assert found["casa", Probe.CERTIFICATE].value == pytest.approx(90)


@pytest.mark.parametrize(
    ("page", "expected", "fails"),
    [
        (BROKEN, Expectation.OPEN, {Probe.PAGE}),
        (NEVER_ASKED, Expectation.OPEN, {Probe.PAGE}),
        (NEVER_ASKED, Expectation.BEFORE_LIVE, set()),
        (BROKEN, Expectation.BEFORE_LIVE, {Probe.PAGE}),
        (BROKEN, Expectation.CLOSED, set()),
        (WELL.model_copy(update={"seconds": 8.1}), Expectation.OPEN, {Probe.PAGE}),
        (
            WELL.model_copy(update={"certificate_until": BEGAN + timedelta(days=6.9)}),
            Expectation.OPEN,
            {Probe.CERTIFICATE},
        ),
        (PageSeen(problem="x", certificate_problem="x"), Expectation.OPEN, {Probe.PAGE, Probe.CERTIFICATE}),
    ],
)
def test_a_page_is_held_against_what_is_expected_of_it(
    page: PageSeen, expected: Expectation, fails: set[Probe]
) -> None:
    assert bad(Seen(pages={"casa": page}), watched("casa", expectation=expected)) == fails


def test_what_something_below_explains_says_nothing_of_the_environment() -> None:
    down = Seen(pages={"casa": BROKEN}, servers={"principal": "O MariaDB não respondeu"})
    assert bad(down) == {Probe.DATABASE}
    assert ("casa", Probe.PAGE) not in answers(down), "not even good"
    other = Seen(pages={"casa": BROKEN}, servers={"principal": server(), "segundo": "O MariaDB não respondeu"})
    assert bad(other) == {Probe.DATABASE, Probe.PAGE}, "its own server works"
    edge = Seen(pages={"casa": PageSeen(problem="x", certificate_problem="x")}, shared={"borda": Answer(works=False)})
    assert bad(edge) == {Probe.EDGE}
    ldap = Seen(sign_ins={"casa": False}, shared={"ldap": Answer(works=False)}, pages={"casa": WELL})
    assert bad(ldap) == {Probe.DIRECTORY}


@pytest.mark.parametrize(
    ("figures", "fails"),
    [
        ({"present": False}, {Probe.SCHEMAS}),
        ({"heartbeat_seconds": None}, {Probe.SCHEDULER}),
        ({"heartbeat_seconds": 12 * 60 + 1}, {Probe.SCHEDULER}),
        ({"concurrent_users": 11}, {Probe.CONCURRENT}),
        ({"users": 151}, {Probe.USERS}),
        ({"concurrent_users": 10, "users": 150, "heartbeat_seconds": 720}, set()),
    ],
)
def test_an_environments_own_figures_have_their_limits(figures: dict[str, object], fails: set[Probe]) -> None:
    seen = Seen(pages={"casa": WELL}, servers={"principal": server(FIGURES.model_copy(update=figures))})
    assert bad(seen) == fails


def test_one_that_is_a_few_minutes_old_has_no_sign_of_life_yet_and_one_without_a_plan_no_limit() -> None:
    young = watched("casa", plan=None).model_copy(update={"created_at": BEGAN - timedelta(minutes=5)})
    figures = FIGURES.model_copy(update={"heartbeat_seconds": 10**8, "users": 10**6})
    found = answers(Seen(servers={"principal": server(figures)}, pages={"casa": WELL}), young)
    assert not any(answer.bad for answer in found.values())
    assert ("casa", Probe.SCHEDULER) not in found


@pytest.mark.parametrize(
    ("changes", "fails"),
    [
        ({"connections": 91}, {Probe.DATABASE}),
        ({"replicates": True, "lag_seconds": 300}, set()),
        ({"replicates": True, "lag_seconds": 301}, {Probe.REPLICATION}),
        ({"replicates": True, "lag_seconds": None}, {Probe.REPLICATION}),
    ],
)
def test_a_server_has_limits_of_its_own(changes: dict[str, object], fails: set[Probe]) -> None:
    assert bad(Seen(pages={"casa": WELL}, servers={"principal": server(changes=changes)})) == fails


def test_a_disk_is_full_by_what_all_its_environments_take() -> None:
    full = server(FIGURES.model_copy(update={"storage_bytes": 91 * 10**9}))
    assert bad(Seen(pages={"casa": WELL}, servers={"principal": full}, storage_gb={"principal": 100})) == {Probe.DISK}


@pytest.mark.parametrize(
    ("free", "stored", "fails", "detail"),
    [
        (9, 50, {Probe.DISK}, "91 % do disco em /dados, restam 9,0 GB"),
        (11, 50, set(), "89 % do disco em /dados, restam 11,0 GB"),
        (11, 91, {Probe.DISK}, "os bancos ocupam 91 % dos 100 GB declarados"),
    ],
)
def test_the_fullest_counts_of_the_real_disks_and_of_what_is_declared(
    free: int, stored: int, fails: set[Probe], detail: str
) -> None:
    disks = [
        DiskFigures(path="/dados", used_bytes=(100 - free) * 10**9, free_bytes=free * 10**9),
        DiskFigures(path="/logs", used_bytes=10**9, free_bytes=10**9),
    ]
    told = server(FIGURES.model_copy(update={"storage_bytes": stored * 10**9}), {"disks": disks})
    seen = Seen(pages={"casa": WELL}, servers={"principal": told}, storage_gb={"principal": 100})
    assert bad(seen) == fails
    assert [one.detail for one in answers(seen).values() if one.probe is Probe.DISK] == [detail]


def test_who_was_not_reached_is_named_and_is_not_taken_for_down() -> None:
    found = answers(Seen(servers={"principal": server()}))
    assert ("casa", Probe.PAGE) not in found
    sweep = found["varredura/principal", Probe.SWEEP]
    assert (sweep.bad, sweep.detail) == (True, "não alcançados no prazo: casa")
