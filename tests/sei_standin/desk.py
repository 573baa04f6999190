"""A person at the pages: signing in, sending forms, starting processes and documents."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from tests.sei_standin.instance import Instance, Person

CONTROL = "/sei/controlador.php?acao=procedimento_controlar"
START = "/sei/controlador.php?acao=procedimento_gerar"
PDF = b"%PDF-1.4\nconte\xfado\n%%EOF\n"


@contextmanager
def log_in(instance: Instance, person: Person) -> Iterator[httpx.Client]:
    form = {"txtUsuario": person.sigla, "pwdSenha": person.password, "selOrgao": "0"}
    with instance.client() as client:
        answer = client.post("/sip/login.php", data=form)
        assert answer.status_code == 200
        yield client


def token_of(page: httpx.Response) -> str:
    found = re.search(r'name="hdnToken" value="([^"]+)"', page.text)
    assert found
    return found[1]


def action(name: str, **parameters: str) -> str:
    """The address of an action of the pages."""
    return "/sei/controlador.php?" + "&".join(
        [f"acao={name}", *(f"{key}={value}" for key, value in parameters.items())]
    )


def send(
    client: httpx.Client, address: str, fields: Mapping[str, str] | None = None, file: tuple[str, bytes] | None = None
) -> httpx.Response:
    """Send a form of the session."""
    form = {"hdnToken": token_of(client.get(CONTROL)), **(fields or {})}
    return client.post(address, data=form, files={"filArquivo": file} if file else None)


def start_process(client: httpx.Client, **fields: str) -> httpx.Response:
    return send(client, START, {"txtEspecificacao": "Férias — março", "selNivelAcesso": "0", **fields})


def move(client: httpx.Client, unit: int) -> httpx.Response:
    return send(client, action("unidade_selecionar"), {"selUnidade": str(unit)})


def number_on(page: httpx.Response) -> str:
    found = re.search(r'id="protocolo">([^<]+)<', page.text)
    assert found, page.text
    return found[1]


def a_type(instance: Instance, level: str = "0") -> str:
    row = instance.rows(
        "sei",
        "SELECT t.id_tipo_procedimento AS id FROM tipo_procedimento t JOIN nivel_acesso_permitido n"
        " USING (id_tipo_procedimento) JOIN rel_tipo_procedimento_assunto r USING (id_tipo_procedimento)"
        " WHERE n.sta_nivel_acesso = %s AND t.sin_ativo = 'S' ORDER BY 1 LIMIT 1",
        (level,),
    )
    return str(row[0]["id"])


def a_serie(instance: Instance, kinds: str) -> str:
    """A document type without numbers that serves one of these kinds, as `IT` for written documents."""
    row = instance.rows(
        "sei",
        "SELECT MIN(id_serie) AS id FROM serie WHERE sin_ativo = 'S' AND sta_numeracao = 'S'"
        " AND sta_aplicabilidade IN %s",
        (tuple(kinds),),
    )
    return str(row[0]["id"])
