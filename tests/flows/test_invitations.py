"""First access: what reaches the person, what is told of it, and where no password ever is."""

import mailbox
import re
from collections.abc import Iterator
from email import policy
from email.parser import BytesParser

import pytest
from pydantic import SecretStr

from domain.account import Account
from domain.environment import EnvironmentName, Purpose
from lab.state import LabState
from tasks import doors
from tasks.instance import Instance, load_instance
from tests.flows.conftest import EXAMPLES, Join

PASSWORD = re.compile(r"^Senha provisória: (\S+)$", re.MULTILINE)
NAME = EnvironmentName(municipality="arantina", purpose=Purpose.TREINAMENTO)
PEOPLE = [Account(uid=f"convite.{n}", name=f"Pessoa {n}", email=f"convite.{n}@arantina.mg.gov.br") for n in range(3)]


@pytest.fixture
def instance(join: Join) -> Iterator[Instance]:
    """An environment of which only the subtree and three accounts exist: all that invitations need."""
    join("3104304", "Arantina", EXAMPLES / "unidades.csv", EXAMPLES / "usuarios.csv")
    doors.directory().ensure_environment(NAME, SecretStr("senha-de-pesquisa"))
    doors.ssc().ensure_users(NAME, PEOPLE)
    yield load_instance(NAME.slug)
    doors.directory().remove_environment(NAME)


def received(lab_state: LabState, account: Account) -> list[str]:
    messages = (
        BytesParser(policy=policy.default).parsebytes(bytes(one))
        for one in mailbox.Maildir(lab_state.smtp.mail_dir, create=False)
    )
    return [str(body.get_content()) for one in messages if one["To"] == account.email and (body := one.get_body())]
