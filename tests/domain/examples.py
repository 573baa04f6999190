"""Valid facts to start from; each test states only what matters to it."""

import csv
import io
from functools import cache

from brutils.cpf import is_valid
from pydantic import SecretStr

from blocks.catalog import Catalog
from domain.configuration import (
    Cache,
    Database,
    Federation,
    InstanceConfiguration,
    JodConverter,
    Mail,
    PenModule,
    Sei,
    SeiDatabaseGroup,
    SeiPages,
    Sip,
    Solr,
    SystemSession,
    WsSeiModule,
    solr_cores,
)
from domain.municipality import Municipality
from domain.person import Person, every_lotacao
from domain.user_table import UserTable, parse_user_table

CATALOG = Catalog()
PLANS = CATALOG.plans()


@cache
def make_cpf(number: int) -> str:
    """The valid CPF whose first nine digits are this number."""
    return next(cpf for cpf in (f"{number:09d}{check:02d}" for check in range(100)) if is_valid(cpf))


def make_person(
    number: int = 1,
    *,
    nome: str = "Pessoa de Teste",
    cpf: str | None = None,
    sigla: str | None = None,
    matricula: str | None = None,
    linha: int | None = None,
    unidades: tuple[str, ...] = ("SEMAD",),
    perfis: tuple[str, ...] = ("Básico",),
) -> Person:
    return Person(
        nome=nome,
        cpf=cpf or make_cpf(number),
        email=f"pessoa{number}@example.org",
        sigla=sigla or f"pessoa.{number}",
        lotacoes=every_lotacao(unidades, perfis),
        matricula=matricula,
        linhas=() if linha is None else (linha,),
    )


def make_table(*rows: dict[str, str]) -> UserTable:
    """The rows as they come out of a CSV, whose heading is row 1."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=";", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return parse_user_table(text.getvalue().encode(), "usuarios.csv", CATALOG.users_sheet())


def make_municipality(ibge: str = "3168705", name: str = "Timóteo", slug: str = "timoteo") -> Municipality:
    return Municipality(ibge=ibge, name=name, uf="MG", slug=slug, population=91_268)


def user_row(
    number: int = 1,
    *,
    nome: str = "Pessoa de Teste",
    cpf: str | None = None,
    email: str | None = None,
    login: str | None = None,
    unidade: str = "SEMAD",
    perfil: str = "Básico",
    matricula: str = "",
) -> dict[str, str]:
    return {
        "nome": nome,
        "cpf": make_cpf(number) if cpf is None else cpf,
        "email": f"pessoa{number}@example.org" if email is None else email,
        "login": f"pessoa.{number}" if login is None else login,
        "unidade": unidade,
        "perfil": perfil,
        "matricula": matricula,
    }


def unit_row(
    sigla: str, superior: str = "", *, descricao: str = "Secretaria de Teste", email: str = ""
) -> dict[str, str]:
    return {"sigla": sigla, "descricao": descricao, "superior": superior, "email": email}


def make_configuration(
    *,
    is_production: bool = False,
    mail: Mail | None = None,
    federation: Federation | None = None,
    pen: PenModule | None = None,
    wssei: WsSeiModule | None = None,
) -> InstanceConfiguration:
    """The configuration of `timoteo-treinamento`, or of a production that is otherwise the same."""
    url = "https://timoteo-treinamento.sei.example.gov.br"

    def session(system: str) -> SystemSession:
        return SystemSession.model_validate(
            {
                "SiglaOrgaoSistema": "PM-TIMOTEO",
                "SiglaSistema": system,
                "PaginaLogin": f"{url}/sip/login.php",
                "SipWsdl": f"{url}/sip/controlador_ws.php?servico=sip",
                "ChaveAcesso": f"chave-{system.lower()}",
                "https": True,
            }
        )

    database = {
        "server": "banco.example",
        "port": 3306,
        "user": "timoteo_treinamento",
        "password": SecretStr("senha-banco"),
    }
    return InstanceConfiguration(
        sei=Sei(url=f"{url}/sei", is_production=is_production, repository_path="/sei/arquivos_externos_sei"),
        sei_pages=SeiPages(complement="Timóteo · treinamento"),
        sei_session=session("SEI"),
        sei_database=SeiDatabaseGroup.model_validate(database | {"name": "timoteo_treinamento_sei"}),
        sip=Sip(url=f"{url}/sip", is_production=is_production),
        sip_session=session("SIP"),
        sip_database=Database.model_validate(database | {"name": "timoteo_treinamento_sip"}),
        cache=Cache(server="memcached"),
        federation=federation or Federation(),
        solr=Solr.model_validate(
            {"server": "http://solr:8983/solr", "user": "timoteo-treinamento", "password": "senha-solr"}
            | solr_cores("timoteo-treinamento")
        ),
        jod=JodConverter(server="http://jod:8080/conversion?format=pdf"),
        mail=mail
        or Mail(
            server="smtp.example",
            security="TLS",
            authenticates=True,
            user="sei",
            password=SecretStr("senha-smtp"),
            protected_box="caixa@example.org",
        ),
        pen=pen,
        wssei=wssei,
    )
