"""The monitoring on real servers that stop: one incident and one mail for each cause, closed when all is well again."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import JsonValue, SecretStr
from typer.testing import CliRunner, Result

import lab as lab_module
from blocks.catalog import Catalog
from blocks.runtime import ScheduledTask
from blocks.settings import Settings
from cli.__main__ import app
from domain.calendar import local_day
from domain.environment import Purpose
from domain.incident import CLOSED, OPENED
from domain.maintenance import Door
from domain.message import Event
from domain.monitoring.report import SweepReport
from domain.monitoring.rules import Probe
from domain.monthly_report import Month
from domain.municipality import municipality_from
from domain.plan import Plan
from domain.quota import QuotaLevel
from flows.create_environment import create_environment
from flows.maintenance import maintenance
from flows.monitoring import monitoring
from lab.state import LabState
from registry import EventRecord, Registry
from tasks import clock, doors
from tasks.adhesion import adhere
from tasks.availability import availability_of
from tasks.billing import measure_month
from tasks.incidents import close_incident, open_incident, open_incidents
from tasks.instance import Instance, load_instance
from tasks.live import LIVE
from tasks.messages import send_pending
from tasks.storage import judge_repository
from tests.cli.examples import example_of
from tests.flows.mailbox import arrived, empty_queue
from tests.flows.test_faults import kill

RULE = Catalog().monitoring()
OPEN_AFTER, CLOSE_AFTER = RULE.damping.open_after, RULE.damping.close_after
SWEEP = timedelta(minutes=5)
SESSIONS = ((0, "V", 5), (0, "V", 60), (1, "V", 10), (2, "V", 20), (2, "R", 3), (1, "V", 9_999))
"""Who has one, in which state of `sta_login`, since how many minutes: three people are at work."""
SMALL_PLAN = Plan(faixa=None, users=2, concurrent_users=2, negotiated=True)
FIRST, SECOND = "principal", "segundo"


class Watch:
    """Sweeps five minutes apart, by a clock that is theirs."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def sweep(self, times: int = 1) -> SweepReport:
        for _ in range(times):
            self.now += SWEEP
            report = monitoring()
            send_pending.fn()
        return report

    def settle(self) -> None:
        """Until everything is as good as ever, whatever the test before left."""
        left = RULE.damping.flapping.close_after
        while (report := self.sweep()).troubles and left:
            left -= 1
        assert report.troubles == ()


@pytest.fixture(scope="module")
def watch(registry_url: SecretStr) -> Iterator[Watch]:
    """A registry of this module alone: the lab's worker, which sweeps the session's, does not know it."""
    assert registry_url
    watch = Watch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: watch.now)
        yield watch


@pytest.fixture(scope="module")
def own(registry_url: SecretStr) -> Iterator[Registry]:
    opened = Registry(registry_url)
    yield opened
    opened.dispose()


def _make(own: Registry, ibge: str, name: str, server: str) -> Instance:
    catalog = Catalog()
    municipality = municipality_from(ibge, name, 8_000, catalog.ibge_table())
    adhere(own, municipality, SMALL_PLAN)
    only = {server: doors.mariadb_server(server)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doors, "mariadb_servers", lambda: only)
        create_environment(municipality.slug, Purpose.TREINAMENTO)
    return load_instance(f"{municipality.slug}-treinamento")


@pytest.fixture(scope="module")
def here(own: Registry, watch: Watch) -> Instance:
    """An environment on the first database server."""
    return _make(own, "3110905", "Campanha", FIRST)


@pytest.fixture(scope="module")
def there(own: Registry, watch: Watch) -> Instance:
    """Another, on the second."""
    return _make(own, "3111002", "Campestre", SECOND)


@pytest.fixture
def fleet(here: Instance, there: Instance, watch: Watch) -> Watch:
    for instance in (here, there):
        doors.runtime().start(instance.name)
        _beat(instance)
    watch.settle()
    return watch


def _beat(instance: Instance) -> None:
    doors.runtime().run_scheduled(instance.name, ScheduledTask.HEARTBEAT)


@pytest.fixture
def letters(registry_url: SecretStr, fleet: Watch) -> Iterator["Letters"]:
    """What this test puts into the queue."""
    with empty_queue(registry_url) as registry:
        yield Letters(registry)


class Letters:
    """The messages to the team, by cause and what became of it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def told(self) -> list[tuple[str, str]]:
        return [(str(values["causa"]), str(values["situacao"])) for values in self._variables()]

    def variables(self, of: str, became: str) -> dict[str, JsonValue]:
        """What the one message says of this environment, or server."""
        (found,) = (one for one in self._variables() if of in str(one["causa"]) and one["situacao"] == became)
        return found

    def _variables(self) -> list[dict[str, JsonValue]]:
        found = [one for place in self._registry.list_municipalities() for one in self._registry.messages(place.ibge)]
        ordered = sorted(found, key=lambda one: one.created_at)
        return [one.variables for one in ordered if one.event == Event.ALERTA_INCIDENTE]


def events(own: Registry, kind: str, since: datetime) -> list[EventRecord]:
    return [event for event in own.events(kinds=[kind]) if event.occurred_at > since]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_a_quiet_fleet_is_seen_and_its_use_is_remembered(
    fleet: Watch, own: Registry, here: Instance, there: Instance, programme: Settings
) -> None:
    report = fleet.sweep()
    assert (report.environments, report.unreached, report.troubles) == (2, (), ())
    seen = {(state.subject, state.probe) for state in own.monitoring.states()}
    assert {probe for subject, probe in seen if subject == here.name.slug} == {
        *(Probe.PAGE, Probe.CERTIFICATE, Probe.SCHEMAS, Probe.SIGN_IN),
        *(Probe.SCHEDULER, Probe.QUOTA, Probe.CONCURRENT, Probe.USERS),
    }
    assert {subject for subject, probe in seen if probe is Probe.DATABASE} == {"banco/principal", "banco/segundo"}
    assert {subject for subject, probe in seen if probe is Probe.DISK} == {"disco/principal", "disco/segundo"}
    today = own.monitoring.daily_use(fleet.now.date() - timedelta(days=1), fleet.now.date() + timedelta(days=2))
    assert {use.environment for use in today} == {here.name.slug, there.name.slug}
    assert all((use.storage_bytes or 0) > 1_000_000 and use.sweeps for use in today)
    names = {"timoteo-producao": here.name.slug}
    shown = run(*example_of("monitoring now", names), "--json")
    assert json.loads(shown.stdout)["environments"] == 2, shown.stderr
    assert "tudo o que se viu está bem" in run(*example_of("monitoring show", names)).stdout
    whole = json.loads(run("monitoring", "show", here.name.slug, "--json").stdout)
    assert {state["probe"] for state in whole} == {probe.value for subject, probe in seen if subject == here.name.slug}
    assert run("monitoring", "show", "ninguem-producao").exit_code == 20


def test_an_application_that_stops_is_one_incident_and_one_mail_until_it_is_back(
    fleet: Watch, own: Registry, here: Instance, letters: Letters, lab_state: LabState
) -> None:
    began = fleet.now
    doors.runtime().stop(here.name)
    assert fleet.sweep(OPEN_AFTER - 1).opened == ()
    assert open_incidents() == Counter()
    (cause,) = fleet.sweep().opened
    assert (cause.probe, cause.scope) == (Probe.PAGE, here.name.slug)
    assert fleet.sweep(3).opened == ()
    assert open_incidents() == {here.name.slug: 1}
    (event,) = events(own, OPENED, began)
    assert (event.environment, event.details["cause"], event.details["leads"]) == (here.name.slug, "pagina", True)
    assert event.details["since"] == (began + SWEEP).isoformat().replace("+00:00", "Z")
    assert letters.told() == [(f"página de entrada ({here.name.slug})", "aberto")]
    down = json.loads(run("monitoring", "show", "--json").stdout)
    assert [(one["subject"], one["probe"]) for one in down] == [(here.name.slug, "pagina")]
    remedy = Catalog().monitoring().probes[Probe.PAGE].remedy
    for told in (run("monitoring", "show").stdout, run("monitoring", "now").stdout):
        assert f"página de entrada: {remedy}" in " ".join(told.split())
    assert f"- **página de entrada**: {remedy}" in fleet.sweep().markdown()
    doors.runtime().start(here.name)
    assert fleet.sweep(CLOSE_AFTER - 1).closed == ()
    (over,) = fleet.sweep().closed
    assert over.incident == cause.incident
    assert open_incidents() == Counter()
    assert len(events(own, CLOSED, began)) == 1
    assert [situation for _, situation in letters.told()] == ["aberto", "encerrado"]
    subjects = Counter(" ".join(str(mail["Subject"]).split()) for mail in arrived(lab_state, "implanta.example"))
    assert subjects[f"Monitoração: página de entrada ({here.name.slug}): aberto"] == 1
    assert subjects[f"Monitoração: página de entrada ({here.name.slug}): encerrado"] == 1
    opened = letters.variables(here.name.slug, "aberto")
    assert str(opened["providencia"]).startswith(remedy)


def test_an_address_among_the_remedies_stops_no_sweep_and_reaches_nobody(
    fleet: Watch, here: Instance, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Operators write them: the registry refuses a message that could name somebody, and with it the whole sweep."""
    rule = Catalog().monitoring()
    page = rule.probes[Probe.PAGE].model_copy(update={"remedy": "Avise o plantão: plantao@estado.example.com"})
    changed = rule.model_copy(update={"probes": rule.probes | {Probe.PAGE: page}})
    monkeypatch.setattr(Catalog, "monitoring", lambda _: changed)
    doors.runtime().stop(here.name)
    assert [cause.probe for cause in fleet.sweep(OPEN_AFTER).opened] == [Probe.PAGE]
    doors.runtime().start(here.name)
    told = str(letters.variables(here.name.slug, "aberto")["providencia"])
    assert "monitoring show" in told
    assert "plantao@" not in told
    fleet.settle()


def test_an_application_that_goes_up_and_down_is_told_once_at_most(
    fleet: Watch, own: Registry, here: Instance, letters: Letters
) -> None:
    began = fleet.now
    for _ in range(RULE.damping.flapping.window):
        doors.runtime().stop(here.name)
        fleet.sweep()
        doors.runtime().start(here.name)
        fleet.sweep()
    assert len(events(own, OPENED, began)) == 1
    assert events(own, CLOSED, began) == []
    assert len(letters.told()) == 1
    fleet.settle()
    assert len(events(own, CLOSED, began)) == 1


def test_a_database_server_that_stops_is_one_cause_and_touches_who_is_on_it(
    fleet: Watch, own: Registry, here: Instance, there: Instance, letters: Letters, lab: Path
) -> None:
    began = fleet.now
    kill(lab, "mariadb2")
    try:
        report = fleet.sweep(OPEN_AFTER)
    finally:
        lab_module.up(lab)
    (cause,) = report.opened
    assert (cause.probe, cause.scope) == (Probe.DATABASE, SECOND)
    assert {one.subject for one in report.troubles} == {f"banco/{SECOND}"}, "no page is blamed for it"
    (event,) = events(own, OPENED, began)
    assert (event.environment, event.details["scope"], event.details["affected"]) == (there.name.slug, SECOND, 1)
    assert letters.told() == [(f"servidor de banco ({SECOND})", "aberto")]
    _beat(there)
    assert [one.scope for one in fleet.sweep(CLOSE_AFTER).closed] == [SECOND]
    assert open_incidents() == Counter()


def test_an_ldap_that_stops_is_an_incident_of_everybody_and_one_mail(
    fleet: Watch, own: Registry, here: Instance, there: Instance, letters: Letters, lab: Path
) -> None:
    began = fleet.now
    kill(lab, "ldap")
    try:
        report = fleet.sweep(OPEN_AFTER)
    finally:
        lab_module.up(lab)
    assert [cause.probe for cause in report.opened] == [Probe.DIRECTORY]
    told = events(own, OPENED, began)
    assert sorted(str(event.environment) for event in told) == sorted([here.name.slug, there.name.slug])
    assert sorted(bool(event.details["leads"]) for event in told) == [False, True]
    assert letters.told() == [("LDAP (principal)", "aberto")]
    fleet.sweep(CLOSE_AFTER)
    assert open_incidents() == Counter()
    assert len(letters.told()) == 2


def test_who_is_closed_on_purpose_is_not_down_and_its_time_is_planned(
    fleet: Watch, own: Registry, here: Instance, letters: Letters
) -> None:
    maintenance(here.name.slug, Door.CLOSE, "infraestrutura", "Troca de disco")
    doors.runtime().stop(here.name)
    report = fleet.sweep(OPEN_AFTER + 1)
    assert (report.opened, report.unreached, report.troubles) == ((), (), ())
    doors.runtime().start(here.name)
    maintenance(here.name.slug, Door.OPEN, "infraestrutura", "Disco trocado")
    assert letters.told() == []


def test_what_a_person_opened_stays_open_however_well_all_is(fleet: Watch, here: Instance) -> None:
    open_incident(here.name.slug, "suporte", "Lentidão na assinatura")
    fleet.sweep(CLOSE_AFTER)
    assert open_incidents() == {here.name.slug: 1}
    assert close_incident(here.name.slug, "suporte", "Resolvido").updated == 1
    assert close_incident(here.name.slug, "suporte", "Resolvido").unchanged == 1
    assert open_incidents() == Counter()


def test_files_over_their_quota_are_an_incident_and_the_answer_holds_no_six_hours_while_it_lasts(
    fleet: Watch, own: Registry, here: Instance, letters: Letters
) -> None:
    large = Path(doors.runtime().repository_path(here.name)) / "grande.bin"
    large.write_bytes(b"")
    verdict = judge_repository(here.name.slug)
    assert verdict is not None
    with large.open("r+b") as file:
        file.truncate(1_000_000_000)
    verdict = judge_repository(here.name.slug)
    assert verdict is not None
    assert verdict.level is QuotaLevel.EXCEEDED
    began = fleet.now
    fleet.now += timedelta(hours=6)
    _beat(here)
    report = fleet.sweep(OPEN_AFTER)
    assert [(cause.probe, cause.scope) for cause in report.opened] == [(Probe.QUOTA, here.name.slug)]
    (event,) = events(own, OPENED, began)
    assert event.details["cause"] == "cota"
    large.unlink()
    assert [cause.probe for cause in fleet.sweep(CLOSE_AFTER).closed] == [Probe.QUOTA]


def test_more_sessions_than_the_plan_are_a_warning_and_the_peak_goes_to_the_bill(
    fleet: Watch, own: Registry, here: Instance, letters: Letters
) -> None:
    began = fleet.now
    columns = (
        "id_login, id_sistema, id_usuario, dth_login, hash_interno, hash_usuario, hash_agente, sta_login, user_agent"
    )
    with here.server.transaction(here.name.database_sip) as cursor:
        cursor.execute("SELECT MIN(id_sistema), MIN(id_orgao) FROM sistema")
        ((system, orgao),) = cursor.fetchall()
        for person in range(3):
            cursor.execute(
                "INSERT INTO usuario (id_usuario, id_orgao, sigla, nome, nome_registro_civil, sin_ativo, sin_bloqueado)"
                " VALUES (%s, %s, %s, 'Pessoa', 'Pessoa', 'S', 'N')",
                (900_000 + person, orgao, f"sessao.{person}"),
            )
        for person, letter, age in SESSIONS:
            cursor.execute(
                f"INSERT INTO login ({columns})"
                " VALUES (%s, %s, %s, NOW() - INTERVAL %s MINUTE, 'x', 'x', 'x', %s, 'x')",
                (uuid4().hex, system, 900_000 + person, age, letter),
            )
    report = fleet.sweep(OPEN_AFTER)
    assert [cause.probe for cause in report.opened] == [Probe.CONCURRENT]
    assert report.opened[0].detail == "3 de 2 do plano"
    assert events(own, OPENED, began) == [], "no campaign waits for it"
    month = Month(first=clock.today().replace(day=1))
    measure_month.fn(here.name.slug, month)
    (billed,) = [event for event in own.events(kinds=["use.billed"]) if event.environment == here.name.slug]
    assert billed.details["concurrent_users"] == 3
    with here.server.transaction(here.name.database_sip) as cursor:
        cursor.execute("DELETE FROM login WHERE id_usuario >= 900000")
    fleet.sweep(CLOSE_AFTER)
    assert [situation for _, situation in letters.told()] == ["aberto", "encerrado"]


def test_a_month_tells_the_minutes_of_an_outage(fleet: Watch, own: Registry, there: Instance) -> None:
    """By the events of a training environment that is told to be live, so that none of production is needed."""
    own.record_event(
        LIVE,
        ibge=there.municipality.ibge,
        environment=there.name.slug,
        actor="teste",
        details={},
        occurred_at=fleet.now,
    )
    began = fleet.now
    doors.runtime().stop(there.name)
    fleet.sweep(OPEN_AFTER)
    doors.runtime().start(there.name)
    _beat(there)
    fleet.sweep(CLOSE_AFTER)
    months = dict.fromkeys(Month(first=local_day(moment).replace(day=1)) for moment in (began, fleet.now))
    found = [one.availability for month in months for one in availability_of(month, there.name.slug)]
    outage = SWEEP * OPEN_AFTER  # from the first bad answer to the first good one
    assert sum(one.down for one in found) == pytest.approx(outage / timedelta(minutes=1))
    assert sum(one.total for one in found) == pytest.approx((fleet.now - began) / timedelta(minutes=1))
    names = {"timoteo-producao": there.name.slug}
    asked = run(*example_of("monitoring availability", names), there.name.slug, "--month", str([*months][-1]), "--json")
    assert json.loads(asked.stdout)["environments"][0]["percent"] == pytest.approx(found[-1].percent)


def test_a_certificate_near_its_end_is_an_incident_before_anybody_sees_a_warning(
    fleet: Watch, own: Registry, here: Instance, there: Instance
) -> None:
    """The certificate is the edge's own, and the clock is moved to a few days before its end."""
    (state,) = [
        state
        for state in own.monitoring.states()
        if state.subject == here.name.slug and state.probe is Probe.CERTIFICATE
    ]
    assert state.value is not None
    began = fleet.now
    fleet.now += timedelta(days=state.value - 6)
    report = fleet.sweep(OPEN_AFTER)
    causes = {(cause.probe, cause.scope) for cause in report.opened}
    assert causes >= {(Probe.CERTIFICATE, here.name.slug), (Probe.CERTIFICATE, there.name.slug)}
    told = {event.details["reason"] for event in events(own, OPENED, began) if event.details["cause"] == "certificado"}
    assert told == {"vale por mais 6 dia(s)"}
    fleet.now = began
