"""The two corpora as requests: each entry says where in SEI's own forms and calls its text is put."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import quote, quote_from_bytes
from xml.sax.saxutils import escape

import yaml
from pydantic import Field, TypeAdapter

from domain.model import Frozen
from tests.edge.client import Answer, Browser

HERE = Path(__file__).parent
HASH = "9f2a6c1d4be07835aa4410c2d7e96f3b58b1e02c74dd93a6f0158e7b2c4d6a91"
SESSION = f"infra_sistema=100000100&infra_unidade_atual=110000001&infra_hash={HASH}"
EDITOR = (
    "/sei/editor/editor_processar.php?acao=editor_salvar&acao_origem=editor_montar"
    f"&id_procedimento=1204&id_documento=1377&{SESSION}"
)
EDITOR_5 = f"/sei/controlador_rest.php?acao_rest=editor_salvar_conteudo&id_documento=1377&{SESSION}"
COOKIES = "PHPSESSID=q7v1k2m9c0d4e8f6a3b5n7p1r2; SEI_maria.souza_menu=mostrar; SIP_U_maria.souza=abre"
FORM, JSON, XML = "application/x-www-form-urlencoded", "application/json", "text/xml; charset=ISO-8859-1"
BOUNDARY = "----geckoformboundary7d8f2b1c"

Place = Literal[
    "query", "name", "path", "form", "login", "editor", "editor_5", "standard_text", "other_field_of_editor",
    "search", "advanced_search", "remarks", "mail", "ajax", "external", "cookie", "header", "user_agent", "referer",
    "json", "soap", "soap_argument", "soap_beside_file", "xml", "upload", "file_name", "target", "raw",
]  # fmt: skip


class Entry(Frozen):
    """One request: a text, and the place of SEI where it is put."""

    place: Place
    text: str = ""
    category: str = ""
    why: str = ""
    encoding: Literal["latin-1", "utf-8"] = "latin-1"
    header: str = Field(default="", description="Name of the header, at the place `header`.")
    size_mb: float = Field(default=0, description="Size of the random file, at the place `upload`.")
    repeat: int = Field(default=1, description="How often the text is repeated.")

    @property
    def label(self) -> str:
        return f"[{self.category or self.place}/{self.place}] {self.why or self.text[:110]!r}"


def read_corpus(name: str) -> tuple[Entry, ...]:
    entries = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
    flat = [
        {"category": category, **({"text": entry} | {"place": "query"} if isinstance(entry, str) else entry)}
        for category, listed in entries.items()
        for entry in listed
    ]
    return TypeAdapter(tuple[Entry, ...]).validate_python(flat)


def send(browser: Browser, entry: Entry) -> Answer:
    return _PLACES[entry.place](browser, entry)


def _encode(entry: Entry, text: str | None = None) -> str:
    """As a form of SEI is encoded: what ISO-8859-1 lacks becomes a reference, as browsers do."""
    value = (entry.text if text is None else text) * entry.repeat
    return quote_from_bytes(value.encode(entry.encoding, "xmlcharrefreplace"), safe="")


def _query(browser: Browser, entry: Entry) -> Answer:
    return browser.get(
        f"/sei/controlador.php?acao=procedimento_controlar&filtro={_encode(entry)}&{SESSION}", {"Cookie": COOKIES}
    )


def _name(browser: Browser, entry: Entry) -> Answer:
    return browser.get(f"/sei/controlador.php?acao=procedimento_controlar&{_encode(entry)}=1&{SESSION}")


def _path(browser: Browser, entry: Entry) -> Answer:
    return browser.get(quote(entry.text, safe="/%?&=.;:@$~*!()+,"), {"Cookie": COOKIES})


def _post(target: str, fields: dict[str, str], variable: str) -> Callable[[Browser, Entry], Answer]:
    def place(browser: Browser, entry: Entry) -> Answer:
        encoded = {name: _encode(entry, value) if value else "" for name, value in fields.items()}
        encoded[variable] = _encode(entry)
        body = "&".join(f"{name}={value}" for name, value in encoded.items()).encode()
        return browser.request("POST", target, headers={"Content-Type": FORM, "Cookie": COOKIES}, body=body)

    return place


def _controller(action: str) -> str:
    return f"/sei/controlador.php?acao={action}&acao_origem={action}&{SESSION}"


_EDITOR_FIELDS = {
    "txaEditor_200": '<p class="Texto_Centralizado_Maiusculas">PREFEITURA MUNICIPAL</p>',
    "hdnVersao": "3",
    "hdnIgnorarNovaVersao": "N",
    "hdnSiglaUnidade": "SEMAD",
    "hdnInfraPrefixoCookie": "SEI_maria.souza",
}


def _editor_5(browser: Browser, entry: Entry) -> Answer:
    body = {
        "siglaUnidade": "SEMAD",
        "versao": 3,
        "ignorarNovaVersao": "N",
        "secoesConteudo": [
            {"nome": "txaEditor_200", "html": "<p>PREFEITURA MUNICIPAL</p>"},
            {"nome": "txaEditor_201", "html": entry.text * entry.repeat},
        ],
    }
    return browser.request(
        "POST", EDITOR_5, headers={"Content-Type": JSON, "Cookie": COOKIES}, body=json.dumps(body).encode()
    )


def _header(name: str) -> Callable[[Browser, Entry], Answer]:
    return lambda browser, entry: browser.get(
        f"/sei/controlador.php?acao=procedimento_controlar&{SESSION}", {entry.header or name: entry.text}
    )


def _json(browser: Browser, entry: Entry) -> Answer:
    body = json.dumps({"filtro": {"texto": entry.text, "pagina": 1}}).encode()
    return browser.request(
        "POST", "/sei/modulos/wssei/controlador_ws.php/api/v2/processo/pesquisar",
        headers={"Content-Type": JSON, "Cookie": COOKIES}, body=body,
    )  # fmt: skip


def _soap(body: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
        '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns1="Sei"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<SOAP-ENV:Body>{body}</SOAP-ENV:Body></SOAP-ENV:Envelope>"
    ).encode("latin-1", "xmlcharrefreplace")


def _call(browser: Browser, body: bytes) -> Answer:
    headers = {"Content-Type": XML, "SOAPAction": '"SeiAction"', "User-Agent": "PHP-SOAP/8.2.7"}
    return browser.request("POST", "/sei/ws/SeiWS.php", headers=headers, body=body)


def _soap_document(browser: Browser, entry: Entry) -> Answer:
    return _include(browser, (entry.text * entry.repeat).encode("latin-1", "xmlcharrefreplace"), "São João d'Aliança")


def _soap_beside_file(browser: Browser, entry: Entry) -> Answer:
    return _include(browser, b"%PDF-1.7 " * 20_000, entry.text)


def _include(browser: Browser, file: bytes, description: str) -> Answer:
    content = base64.b64encode(file).decode()
    return _call(
        browser,
        _soap(
            "<ns1:incluirDocumento><SiglaSistema>PROTOCOLO</SiglaSistema>"
            f"<IdentificacaoServico>{'7babf862' + HASH}</IdentificacaoServico><IdUnidade>110000001</IdUnidade>"
            "<Documento><Tipo>R</Tipo><IdProcedimento>1204</IdProcedimento><IdSerie>11</IdSerie>"
            f"<Data>24/11/2026</Data><Descricao>{escape(description)}</Descricao>"
            f"<NomeArquivo>certidão nº 1.pdf</NomeArquivo><Conteudo>{content}</Conteudo><NivelAcesso>0</NivelAcesso>"
            "</Documento></ns1:incluirDocumento>"
        ),
    )


def _soap_argument(browser: Browser, entry: Entry) -> Answer:
    return _call(
        browser,
        _soap(
            "<ns1:listarContatos><SiglaSistema>PROTOCOLO</SiglaSistema>"
            f"<IdentificacaoServico>{'7babf862' + HASH}</IdentificacaoServico><IdUnidade>110000001</IdUnidade>"
            f"<Nome>{escape(entry.text)}</Nome></ns1:listarContatos>"
        ),
    )


def _upload(browser: Browser, entry: Entry) -> Answer:
    file_name = entry.text.encode(entry.encoding)
    # Not compressible and without meaning, as the inside of a PDF is; the same each time.
    content = b"%PDF-1.7\n" + bytes((i * 7919 + i // 251) % 256 for i in range(4096)) * int(entry.size_mb * 256)
    parts = [
        b'Content-Disposition: form-data; name="UPLOAD_IDENTIFIER"\r\n\r\n5f1c6a3e',
        b'Content-Disposition: form-data; name="filArquivo"; filename="' + file_name + b'"\r\n'
        b"Content-Type: application/pdf\r\n\r\n" + content,
    ]
    border = f"--{BOUNDARY}".encode()
    body = b"".join(border + b"\r\n" + part + b"\r\n" for part in parts) + border + b"--\r\n"
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Cookie": COOKIES}
    return browser.request("POST", _controller("documento_upload_anexo"), headers=headers, body=body)


def _raw(browser: Browser, entry: Entry) -> Answer:
    message = entry.text.replace("{host}", browser.host).replace("\n", "\r\n").encode("latin-1")
    try:
        return browser.send(message, entry.text.partition(" ")[0])
    finally:
        browser.close()


def _target(browser: Browser, entry: Entry) -> Answer:
    return browser.get(entry.text, {"Cookie": COOKIES})


_PLACES: dict[Place, Callable[[Browser, Entry], Answer]] = {
    "query": _query,
    "name": _name,
    "path": _path,
    "target": _target,
    "raw": _raw,
    "form": _post(
        _controller("procedimento_gerar"),
        {"hdnIdTipoProcedimento": "100000256", "selTipoProcedimento": "100000256", "rdoNivelAcesso": "0"},
        "txtDescricao",
    ),
    "remarks": _post(
        _controller("documento_gerar"), {"selSerie": "11", "txtDescricao": "Despacho", "rdoNivelAcesso": "0"},
        "txaObservacoes",
    ),
    "mail": _post(
        _controller("documento_enviar_email"),
        {"txtDestinatario": "protocolo@prefeitura.mg.gov.br", "txtAssunto": "Resposta ao Ofício nº 12/2026"},
        "txaMensagem",
    ),
    "login": _post(
        "/sip/login.php?sigla_orgao_sistema=PM-RIO-DOCE&sigla_sistema=SEI",
        {"pwdSenha": "senha", "selOrgao": "0", "sbmLogin": "Acessar"},
        "txtUsuario",
    ),
    "editor": _post(EDITOR, _EDITOR_FIELDS, "txaEditor_201"),
    "other_field_of_editor": _post(EDITOR, _EDITOR_FIELDS, "hdnSiglaUnidade"),
    "standard_text": _post(
        _controller("texto_padrao_interno_cadastrar"), {"txtNome": "Encaminhamento", "txtDescricao": ""}, "txaConteudo"
    ),
    "editor_5": _editor_5,
    "search": _post(_controller("protocolo_pesquisa_rapida"), {}, "txtPesquisaRapida"),
    "advanced_search": _post(
        _controller("protocolo_pesquisar"), {"rdoPesquisarEm": "D", "chkSinDocumentosGerados": "on"}, "q"
    ),
    "ajax": _post(
        f"/sei/controlador_ajax.php?acao_ajax=contato_auto_completar_contexto_RI1225&{SESSION}", {},
        "palavras_pesquisa",
    ),
    "external": _post(
        "/sei/controlador_externo.php?acao=usuario_externo_enviar_cadastro&id_orgao_acesso_externo=0",
        {"txtEmail": "cidada@example.org", "pwdSenha": "segredo", "txtCidade": "Olhos-d'Água"},
        "txtNome",
    ),
    "cookie": lambda browser, entry: browser.get(
        f"/sei/controlador.php?acao=procedimento_controlar&{SESSION}",
        {"Cookie": f"{COOKIES}; preferencia={entry.text}"},
    ),
    "header": _header("X-Requested-With"),
    "user_agent": _header("User-Agent"),
    "referer": _header("Referer"),
    "json": _json,
    "soap": _soap_document,
    "soap_argument": _soap_argument,
    "soap_beside_file": _soap_beside_file,
    "xml": lambda browser, entry: _call(browser, (entry.text * entry.repeat).encode("latin-1", "xmlcharrefreplace")),
    "upload": _upload,
    "file_name": _upload,
}  # fmt: skip
