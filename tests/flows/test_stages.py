"""What each stage writes and tells, beyond the counts of its steps."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from blocks import use_test
from blocks.mailer import Mailer
from blocks.paperwork import count_paperwork, give_back_numbers
from cli.intake import send_sheets
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.errors import GateClosedError, InvalidInputError
from domain.municipality import Municipality
from domain.person import TECHNICAL_LOGIN
from domain.report import StageReport
from domain.use_test import UseTest
from flows.create_environment import create_environment
from flows.import_users import import_users
from flows.seed import seed
from flows.training_gate import training_gate
from lab.ports import choose
from registry import Registry
from tasks import clock, doors
from tasks.instance import Instance, load_instance
from tests.flows.conftest import EXAMPLES, Join


class Choosy:
    """A mail server that refuses some recipients for good and remembers to whom it delivered."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.delivered: list[str] = []

    async def handle_RCPT(  # noqa: N802  # the library's name for the command
        self, server: object, session: object, envelope: Envelope, address: str, options: object
    ) -> str:
        if address in self.refused:
            return "550 5.1.1 caixa inexistente"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  # the library's name for the command
        self, server: object, session: object, envelope: Envelope
    ) -> str:
        self.delivered += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture
def choosy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Choosy]:
    """The product's mail goes to a server of this test alone."""
    handler = Choosy()
    (port,) = choose(["smtp"], avoid=()).values()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    monkeypatch.setattr(doors, "mailer", lambda: Mailer(host="127.0.0.1", port=port, sender="sei@teste.example"))
    yield handler
    controller.stop()


@pytest.fixture(scope="module")
def seeded(join: Join) -> Municipality:
    """A municipality whose training environment is ready for its people."""
    municipality = join("3102001", "Alterosa", EXAMPLES / "unidades.csv", EXAMPLES / "usuarios.csv")
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    seed(municipality.slug, Purpose.TREINAMENTO)
    return municipality


def changes_of(report: StageReport) -> dict[str, Change]:
    return {step.name: step.change for step in report.steps}


def test_the_units_emails_of_the_spreadsheet_reach_sei(seeded: Municipality) -> None:
    instance = load_instance(f"{seeded.slug}-treinamento")
    lines = (EXAMPLES / "unidades.csv").read_text(encoding="utf-8").splitlines()[1:]
    wanted = {(cells[0], cells[3]) for cells in (line.split(";") for line in lines) if cells[3]}
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("SELECT u.sigla, e.email FROM email_unidade e JOIN unidade u USING (id_unidade)")
        assert wanted <= set(cursor.fetchall())
    assert changes_of(seed(seeded.slug, Purpose.TREINAMENTO))["unidades"].total == 0


def test_a_holiday_that_was_given_another_name_is_not_added_again(seeded: Municipality) -> None:
    """Neither when the environment is converged again, nor by the parametrization, which leaves holidays alone."""
    instance = load_instance(f"{seeded.slug}-treinamento")
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("UPDATE feriado SET descricao = 'Festa da cidade' WHERE MONTH(dta_feriado) = 12")
    before = instance.sei.list_holidays()
    assert len(before) > 12
    assert changes_of(create_environment(seeded.slug, Purpose.TREINAMENTO))["feriados"].total == 0
    assert seed(seeded.slug, Purpose.TREINAMENTO).change.total == 0
    assert instance.sei.list_holidays() == before


def test_who_is_in_sip_or_in_the_class_but_not_in_the_spreadsheet_is_counted(
    seeded: Municipality, choosy: Choosy, registry: Registry, tmp_path: Path
) -> None:
    """And an address that the mail server refuses keeps nobody else from the first access."""
    lines = (EXAMPLES / "usuarios.csv").read_text(encoding="utf-8").splitlines()
    unlucky = lines[3].split(";")
    address, login = unlucky[2], unlucky[3]
    choosy.refused = {address}
    with pytest.raises(InvalidInputError, match=r"recusou o endereço de 1 pessoa.*linha 4") as refusal:
        import_users(seeded.slug, Purpose.TREINAMENTO)
    assert login not in str(refusal.value)
    assert address not in str(refusal.value)
    assert len(choosy.delivered) == 59
    instance = load_instance(f"{seeded.slug}-treinamento")
    choosy.refused, choosy.delivered = set(), []
    with pytest.raises(InvalidInputError, match=r"recusou o endereço de 1 pessoa.*linha 4"):
        import_users(seeded.slug, Purpose.TREINAMENTO)
    assert choosy.delivered == [], "the same address is not tried again"
    assert [user.account.uid for user in doors.ssc().list_users(instance.name) if user.bounced] == [login]
    corrected = "corrigido@rio-doce.mg.gov.br"
    lines[3] = lines[3].replace(address, corrected)
    (tmp_path / "usuarios.csv").write_text("\n".join(lines), encoding="utf-8")
    send_sheets(seeded.slug, [tmp_path / "usuarios.csv"])
    report = import_users(seeded.slug, Purpose.TREINAMENTO)
    assert changes_of(report)["primeiro acesso por e-mail"] == Change(created=1)
    assert choosy.delivered == [corrected]
    told = registry.events(seeded.ibge, kinds=["users.invited"])
    assert [event.details for event in told] == [{"sent": 59, "refused": 1}, {"sent": 1, "refused": 0}]
    assert not [fact for fact in report.facts if "SIP não est" in fact]

    (tmp_path / "usuarios.csv").write_text("\n".join(lines[:-2]), encoding="utf-8")
    send_sheets(seeded.slug, [tmp_path / "usuarios.csv", EXAMPLES / "capacitacao.csv"])
    left = import_users(seeded.slug, Purpose.TREINAMENTO).facts[-1]
    assert left == "Planilha: 2 saem, 58 já estão como a planilha diz."
    absent = {line.split(";")[3] for line in lines[-2:]}
    listed = {line.split(";")[0] for line in (EXAMPLES / "capacitacao.csv").read_text(encoding="utf-8").splitlines()}
    assert absent <= listed
    assert "Com curso concluído e fora da planilha de usuários: 2 pessoas." in training_gate(seeded.slug).facts


def test_a_stage_done_before_its_turn_is_not_recorded_as_finished(join: Join, registry: Registry) -> None:
    """A production may be made ahead of its turn, and is closed; nothing else of the journey may."""
    municipality = join("3102100", "Alto Rio Doce", EXAMPLES / "unidades.csv")
    assert create_environment(municipality.slug, Purpose.PRODUCAO).facts
    production = EnvironmentName(municipality=municipality.slug, purpose=Purpose.PRODUCAO)
    assert doors.runtime().health(production).maintenance
    with pytest.raises(GateClosedError, match=r"falta concluir Ambiente de treinamento"):
        seed(municipality.slug, Purpose.PRODUCAO)
    finished = registry.events(municipality.ibge, kinds=["stage.finished"])
    assert [event.details["stage"] for event in finished] == ["adhesion"]
    assert try_out(load_instance(production.slug)).ok, "closed to all but the account that proves that it can be used"
    assert doors.runtime().health(production).maintenance


def try_out(instance: Instance) -> UseTest:
    """The test of use with the environment's own technical account; SEI is afterwards as nobody had been there."""
    password = doors.environment_secrets(instance.name.slug).probe_password
    assert password is not None
    test = use_test.test_use(doors.runtime().address(instance.name), TECHNICAL_LOGIN, password, clock.now())
    assert count_paperwork(instance.server, instance.name.database_sei).empty
    assert give_back_numbers(instance.server, instance.name.database_sei).removed == test.ok
    return test


def test_with_the_document_model_in_place_an_environment_can_be_used(seeded: Municipality) -> None:
    test = try_out(load_instance(f"{seeded.slug}-treinamento"))
    assert test.ok, test.evidence
