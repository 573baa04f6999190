"""A registry whose mail the lab's worker does not send, and what came to the lab's mailboxes."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from pydantic import JsonValue, SecretStr
from sqlalchemy import create_engine, text

from blocks.catalog import Catalog
from domain.message import Event
from domain.message_variable import Kind
from lab.state import LabState
from registry import Registry
from tests.registries import registry_apart


@contextmanager
def own_registry(lab_state: LabState) -> Iterator[SecretStr]:
    """A registry that this process alone knows."""
    with registry_apart(lab_state, "correio") as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPLANTA_REGISTRY_URL", url.get_secret_value())
        yield url


@contextmanager
def empty_queue(url: SecretStr) -> Iterator[Registry]:
    """That registry, without the messages of the tests before."""
    engine = create_engine(url.get_secret_value())
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM message_delivery"))
        connection.execute(text("DELETE FROM message"))
    engine.dispose()
    opened = Registry(url)
    yield opened
    opened.dispose()


def arrived(lab_state: LabState, domain: str) -> list[EmailMessage]:
    """What came to the mailboxes of a domain, in order, parsed from the bytes that the server stored."""
    paths = sorted((lab_state.smtp.mail_dir / "new").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    messages = [BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(path.read_bytes()) for path in paths]
    return [message for message in messages if str(message["To"]).endswith(f"@{domain}")]


def calendar_of(message: EmailMessage) -> dict[str, str]:
    """The lines of a message's entry for the calendar, whose method the attachment's own header repeats."""
    (attached,) = message.iter_attachments()
    lines = attached.get_content().replace("\r\n ", "").replace("\n ", "").splitlines()
    found = dict(line.split(":", 1) for line in lines)
    assert attached.get_param("method") == found["METHOD"]
    return found


def future_examples(event: Event) -> dict[str, JsonValue]:
    """The example of an event, in a year that nobody who runs this will see: what is past is not sent."""
    rule = Catalog().messages().rule(event)
    moments = {name for name, variable in rule.variables.items() if variable.kind is Kind.MOMENTO}
    return {
        name: str(value).replace("2027-", "2097-") if name in moments else value
        for name, value in rule.examples.items()
    }
