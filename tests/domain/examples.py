"""Valid facts to start from; each test states only what matters to it."""

from brutils.cpf import is_valid

from blocks.catalog import Catalog
from domain.municipality import Municipality
from domain.person import Person

CATALOG = Catalog()
PLANS = CATALOG.plans()


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
) -> Person:
    return Person(
        nome=nome,
        cpf=cpf or make_cpf(number),
        email=f"pessoa{number}@example.org",
        sigla=sigla or f"pessoa.{number}",
        unidade="SEMAD",
        perfis=("Básico",),
        matricula=matricula,
        linha=linha,
    )


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
