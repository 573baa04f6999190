"""The templates of `catalog/messages/`: a message to a prefeitura as text, as HTML and as an entry for a calendar."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment
from pydantic import JsonValue

from blocks.catalog_file import CATALOG_DIR, shown
from domain.calendar_invitation import Invitation, Method, calendar_text
from domain.errors import InvalidInputError
from domain.message import InvitationRule, Letter, MessageRule, Recipient
from domain.message_variable import Shown, moment_in
from domain.municipality import Municipality
from domain.text import plain

REFERENCE_LENGTH = 32


@dataclass(frozen=True)
class Told:
    """One message of the queue: what it says, whoever gets it."""

    key: str
    rule: MessageRule
    variables: Mapping[str, JsonValue]
    municipality: Municipality
    programme: str
    created_at: datetime


def write_letter(told: Told, recipient: Recipient, sender: str, directory: Path = CATALOG_DIR / "messages") -> Letter:
    """The message as this recipient gets it. Whatever a variable holds is text, never markup.

    Raises:
        InvalidInputError: a template is missing or wrong, or the variables are not those of the event; no value is
            told.
    """
    words: dict[str, Shown] = {
        **told.rule.show(told.variables),
        "municipio": told.municipality.name,
        "uf": told.municipality.uf,
        "programa": told.programme,
        "pessoa": recipient.name,
    }
    # Of one line, whatever the variables hold: a header has no other.
    words["assunto"] = subject = plain(_say(told.rule.subject, words, directory))
    name, invitation = told.rule.template, told.rule.invitation
    return Letter(
        to=recipient.email,
        reference=recipient.digest[:REFERENCE_LENGTH],
        subject=subject,
        text=_render(f"{name}.txt.j2", words, directory),
        html=_render(f"{name}.html.j2", words, directory),
        calendar=_calendar(told, invitation, words, sender, directory) if invitation else None,
        calendar_method=_method(invitation),
    )


def _method(rule: InvitationRule | None) -> Method:
    return "CANCEL" if rule and rule.cancels else "PUBLISH"


def _calendar(told: Told, rule: InvitationRule, words: Mapping[str, Shown], sender: str, directory: Path) -> str:
    starts, ends = moment_in(told.variables[rule.starts]), moment_in(told.variables[rule.ends])
    assert starts is not None  # noqa: S101  # `show` took the variables
    assert ends is not None  # noqa: S101
    meeting, _, correction = told.key.partition("#")
    if rule.cancels:  # a meeting keeps the name under which it was first told
        meeting = f"{rule.cancels}:{meeting.partition(':')[2]}"
    return calendar_text(
        Invitation(
            uid=f"{meeting}@{sender.rpartition('@')[2]}",
            sequence=int(correction or 0),
            stamp=told.created_at,
            starts=starts,
            ends=ends,
            summary=plain(_say(rule.title, words, directory)),
            description=str(words["assunto"]),
            location=str(words[rule.place]),
            organizer=sender,
            method=_method(rule),
        )
    )


def _say(line: str, words: Mapping[str, Shown], directory: Path) -> str:
    """A line of the catalog with its variables."""
    try:
        return _environment(directory, html=False).from_string(line).render(words)
    except TemplateError as error:
        raise _problem(error, directory.parent / "messages.yaml") from None


def _render(name: str, words: Mapping[str, Shown], directory: Path) -> str:
    try:
        return _environment(directory, html=".html." in name).get_template(name).render(words)
    except TemplateError as error:
        raise _problem(error, directory / name) from None


@lru_cache(maxsize=8)
def _environment(directory: Path, *, html: bool) -> SandboxedEnvironment:
    return SandboxedEnvironment(
        loader=FileSystemLoader(directory),
        undefined=StrictUndefined,
        autoescape=html,  # an escaped name in plain text would reach the person escaped
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _problem(error: TemplateError, path: Path) -> InvalidInputError:
    where = shown(path)
    match error:
        case TemplateNotFound():
            return InvalidInputError(f"O modelo {error.name} não existe", where, "Restaure o arquivo do repositório.")
        case TemplateSyntaxError():
            named = shown(path.parent / error.name) if error.name else where
            return InvalidInputError(
                "O modelo da mensagem não está bem escrito", f"{named}, linha {error.lineno}", "Confira as etiquetas."
            )
        case _:  # what jinja says of it names variables, never their values
            return InvalidInputError(
                f"O modelo da mensagem não pôde ser preenchido ({error.message})", where, "Confira as etiquetas."
            )
