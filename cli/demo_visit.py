"""The end of the demo, as a person of the prefeitura lives it: first access, sign-in, a process of one's own."""

import email
import email.policy
import json
import re
import secrets
from pathlib import Path

from pydantic import SecretStr

from blocks.sei_browser import SeiBrowser
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.errors import IntegrityError, InvalidInputError
from domain.model import Frozen
from domain.spreadsheet import parse_sheet
from lab.layout import Layout, write_private
from lab.state import LabState
from tasks import doors

PROCESS = "Demonstração do Implanta"
FIRST_PASSWORD = re.compile(r"^Senha provisória: (\S+)$", re.MULTILINE)


class Visit(Frozen):
    """What the person did."""

    text: str
    change: Change


def visit(state: LabState, municipality: str, examples: Path) -> Visit:
    """Sign in to production with the directory's password, and start one process unless it is there already.

    Raises:
        IntegrityError: the sign-in or the process did not work.
    """
    environment = EnvironmentName(municipality=municipality, purpose=Purpose.PRODUCAO)
    login = parse_sheet((examples / "usuarios.csv").read_bytes(), "usuarios.csv")[0]["login"]
    with SeiBrowser(doors.edge().address(environment)) as browser:
        _sign_in(state, environment, browser, login)
        found = browser.find_process(PROCESS)
        if found:
            return Visit(text=f"entrou com a senha do LDAP; o processo {found} já existe", change=Change(unchanged=1))
        number = browser.start_process(PROCESS)
    return Visit(text=f"entrou com a senha do LDAP e abriu o processo {number}", change=Change(created=1))


def _sign_in(state: LabState, environment: EnvironmentName, browser: SeiBrowser, login: str) -> None:
    """Sign in with the password chosen at the first access, which the demo keeps beside the lab.

    It is written down before the directory gets it, so that a demo killed in between still knows both.
    """
    keep = Layout(state.lab_dir).demo_file
    if keep.exists():
        chosen = SecretStr(json.loads(keep.read_text(encoding="utf-8"))["senha"])
        if browser.sign_in(login, chosen):
            return
    else:
        chosen = SecretStr(secrets.token_urlsafe(16))
        write_private(keep, json.dumps({"login": login, "senha": chosen.get_secret_value()}))
    try:
        doors.ssc().change_own_password(environment, login, mailed_password(state, environment, login), chosen)
    except InvalidInputError as e:
        raise IntegrityError(
            "A pessoa da demonstração não conseguiu o primeiro acesso", environment.slug, f"{e.what}."
        ) from None
    if not browser.sign_in(login, chosen):
        raise IntegrityError(
            "A página de entrada recusou a senha nova", environment.slug, "Veja o motivo com ./implanta lab logs sei."
        )


def mailed_password(state: LabState, environment: EnvironmentName, login: str) -> SecretStr:
    """The first password, read in the person's own mailbox: the newest message of this environment."""
    for path in sorted((state.smtp.mail_dir / "new").iterdir(), key=lambda path: path.stat().st_mtime, reverse=True):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        body = message.get_body(("plain",))
        text = body.get_content() if body else ""
        password = FIRST_PASSWORD.search(text)
        if password and f"Usuário: {login}\n" in text and environment.slug in text:
            return SecretStr(password[1])
    raise IntegrityError(
        "A mensagem de primeiro acesso não chegou", str(state.smtp.mail_dir), "Execute ./implanta demo de novo."
    )
