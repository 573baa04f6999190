"""First access: what reaches the person, what is told of it, and where no password ever is."""

import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import httpx
import pytest
from prefect import flow
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_LOGGING_LEVEL, temporary_settings
from pydantic import JsonValue, SecretStr

from blocks.mailer import Outbox
from blocks.rehearsal import rehearsing
from blocks.settings import Settings
from domain.account import Account
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.errors import RetryableError
from lab.state import LabState
from registry import Registry
from tasks import doors
from tasks.environment import ensure_environment_record
from tasks.instance import Instance, load_instance
from tasks.invitations import FIRST_ACCESS, INVITED, access_text, ensure_invitations
from tests.flows.conftest import EXAMPLES, Join
from tests.labs import prefect_credentials

PASSWORD = re.compile(r"^Senha provisória: (\S+)$", re.MULTILINE)
NAME = EnvironmentName(municipality="araujos", purpose=Purpose.TREINAMENTO)
PEOPLE = [Account(uid=f"convite.{n}", name=f"Pessoa {n}", email=f"convite.{n}@araujos.mg.gov.br") for n in range(4)]


@pytest.fixture(scope="module")
def recorded(join: Join) -> None:
    """An environment that the registry knows, of which nothing was made."""
    join("3103900", "Araújos", EXAMPLES / "unidades.csv", EXAMPLES / "usuarios.csv")
    ensure_environment_record.fn(NAME.slug, None)


@pytest.fixture
def instance(recorded: None) -> Iterator[Instance]:
    """That environment with a subtree and accounts, which is all that invitations need."""
    doors.directory().ensure_environment(NAME, SecretStr("senha-de-pesquisa"))
    doors.ssc().ensure_users(NAME, PEOPLE)
    yield load_instance(NAME.slug)
    doors.directory().remove_environment(NAME)


def passwords(lab_state: LabState, account: Account) -> list[str]:
    """The passwords that a person was sent, in the order in which they came."""
    stored = sorted((lab_state.smtp.mail_dir / "new").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    messages = [
        BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(path.read_bytes()) for path in stored
    ]
    bodies = [one.get_body() for one in messages if one["To"] == account.email]
    return [PASSWORD.findall(body.get_content())[0] for body in bodies if body]


def told(registry: Registry, instance: Instance) -> list[JsonValue]:
    return [dict(event.details) for event in registry.events(instance.municipality.ibge, kinds=[INVITED])]


def test_a_run_that_is_cut_short_goes_on_with_those_who_have_nothing_yet(
    instance: Instance, lab_state: LabState, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was done until then is counted."""
    send, sent = Outbox.send, list[str]()

    def give_up(outbox: Outbox, to: str, subject: str, text: str) -> None:
        if len(sent) == 2:
            raise RetryableError("O servidor de e-mail não respondeu", "teste", "Execute de novo.")
        sent.append(to)
        send(outbox, to, subject, text)

    before = told(registry, instance)
    monkeypatch.setattr(Outbox, "send", give_up)
    with pytest.raises(RetryableError):
        ensure_invitations.fn(NAME.slug)
    monkeypatch.undo()
    assert doors.ssc().list_uninvited(NAME) == PEOPLE[2:]
    assert ensure_invitations.fn(NAME.slug) == Change(created=2)
    assert ensure_invitations.fn(NAME.slug) == Change()
    assert [len(passwords(lab_state, account)) for account in PEOPLE] == [1, 1, 1, 1]
    assert told(registry, instance)[len(before) :] == [{"sent": 2, "refused": 0}, {"sent": 2, "refused": 0}]
    doors.ssc().change_own_password(
        NAME, PEOPLE[3].uid, SecretStr(passwords(lab_state, PEOPLE[3])[-1]), SecretStr("escolhida-pela-pessoa")
    )


def test_who_comes_back_is_sent_a_new_password(instance: Instance, lab_state: LabState) -> None:
    ensure_invitations.fn(NAME.slug)
    doors.ssc().mark_uninvited(NAME, [PEOPLE[0].uid])
    assert ensure_invitations.fn(NAME.slug) == Change(created=1)
    old, new = passwords(lab_state, PEOPLE[0])[-2:]
    assert old != new


def test_the_progress_is_told_in_numbers_only(instance: Instance, programme: Settings) -> None:
    ensure_invitations.fn(NAME.slug)
    wanted = {"artifacts": {"key": {"any_": [f"primeiro-acesso-{NAME.slug}"]}}, "sort": "CREATED_DESC", "limit": 1}
    answer = httpx.post(
        f"{programme.prefect_api_url}/artifacts/filter", json=wanted, auth=prefect_credentials(programme)
    )
    (artifact,) = answer.raise_for_status().json()
    assert (artifact["type"], artifact["data"]) == ("progress", 100.0)
    assert artifact["description"] == "4 de 4 mensagens; 0 endereços recusados"
    assert not any(word in str(artifact) for account in PEOPLE for word in (account.uid, account.email, account.name))


def test_a_rehearsal_counts_the_messages_and_sends_none(
    instance: Instance, lab_state: LabState, registry: Registry
) -> None:
    before = [passwords(lab_state, account) for account in PEOPLE], told(registry, instance)
    with rehearsing():
        assert ensure_invitations.fn(NAME.slug) == Change(created=4)
    assert ([passwords(lab_state, account) for account in PEOPLE], told(registry, instance)) == before
    assert doors.ssc().list_uninvited(NAME) == PEOPLE


def test_no_password_is_kept_anywhere_but_in_its_message(instance: Instance, lab: Path, lab_state: LabState) -> None:
    """Every file of the lab is looked through: Prefect's database and logs, the registry's, every server's log."""

    @flow(name="convites de teste", log_prints=True)
    def invite() -> None:
        ensure_invitations(NAME.slug)

    with temporary_settings({PREFECT_LOGGING_LEVEL: "DEBUG"}):
        invite()
    APILogWorker.drain_all(timeout=30)
    given = [passwords(lab_state, account)[-1].encode() for account in PEOPLE]
    assert len(set(given)) == 4
    looked_through = 0
    for path in lab.rglob("*"):
        if path.is_file() and not path.is_relative_to(lab_state.smtp.mail_dir):
            content = path.read_bytes()
            looked_through += 1
            assert not any(password in content for password in given), path.relative_to(lab)
    assert (lab / "log" / "smtp.log").is_file()
    assert looked_through > 100


@pytest.mark.parametrize("page", [None, "https://sei.exemplo.gov.br/acesso/x/primeiro-acesso"])
def test_the_message_says_where_the_password_is_changed(instance: Instance, page: str | None) -> None:
    text = access_text(FIRST_ACCESS, instance, PEOPLE[0], "segredo-1", "https://x.exemplo/sei", page)
    assert PASSWORD.findall(text) == ["segredo-1"]
    assert ("troque-a assim que entrar" in text) == (page is None)
    assert page is None or f"troque-a antes de entrar, em {page}\n" in text
    assert "\n\n\n" not in text
