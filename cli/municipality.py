"""`./implanta municipality`: who is in the programme, with which plan, and what they sent."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from domain.municipality import Contact
    from domain.plan import Plan
    from registry import Registry

app = typer.Typer(no_args_is_help=True)

Ref = Annotated[str, typer.Argument(help="Nome curto (timoteo) ou código IBGE do município.")]
Users = Annotated[int | None, typer.Option("--users", min=1, help="Plano negociado: usuários.")]
Concurrent = Annotated[int | None, typer.Option("--concurrent", min=1, help="Plano negociado: usuários simultâneos.")]
Contacts = Annotated[
    list[str] | None, typer.Option("--contact", help="Contato, como 'Nome;e-mail;papel'. Repita para vários.")
]


def open_registry() -> "Registry":
    """The registry of this installation."""
    from blocks.settings import load_settings
    from registry import Registry

    return Registry(load_settings().registry_url)


@app.command()
def add(
    ibge: Annotated[str, typer.Argument(help="Código IBGE, 7 algarismos.")],
    name: Annotated[str, typer.Argument(help="Nome oficial, com acentos.")],
    population: Annotated[int, typer.Option("--population", help="População publicada pelo IBGE.")],
    users: Users = None,
    concurrent: Concurrent = None,
    contact: Contacts = None,
    as_json: JsonOption = False,
) -> None:
    """Registra a adesão de um município. Exemplo: ./implanta municipality add 3168705 Timóteo --population 91268"""
    from blocks.catalog import Catalog
    from domain.municipality import municipality_from
    from domain.plan import choose_plan
    from tasks.adhesion import adhere

    with errors_as_lines():
        catalog = Catalog()
        found = municipality_from(ibge, name, population, catalog.ibge_table(), contacts=_contacts(contact or []))
        plan = choose_plan(population, catalog.plans(), _negotiated(users, concurrent))
        registry = open_registry()
        change = adhere(registry, found, plan)
        contract = registry.contract(found.ibge)
        in_force = contract.plan if contract else plan
    if as_json:
        print_json({"slug": found.slug, "plan": in_force.model_dump(), "change": change.model_dump()})
        return
    out.print(f"{found.name}/{found.uf} ({found.slug}): {in_force.label}, {in_force.users} usuários; {change}")


@app.command()
def plan(ref: Ref, users: Users = None, concurrent: Concurrent = None, as_json: JsonOption = False) -> None:
    """Registra o plano: o da tabela, ou um negociado. Exemplo: ./implanta municipality plan timoteo"""
    from blocks.catalog import Catalog
    from domain.plan import choose_plan

    with errors_as_lines():
        registry = open_registry()
        found = registry.find_municipality(ref)
        chosen = choose_plan(found.population, Catalog().plans(), _negotiated(users, concurrent))
        change = registry.ensure_contract(found.ibge, chosen)
    if as_json:
        print_json({"slug": found.slug, "plan": chosen.model_dump(), "change": change.model_dump()})
        return
    out.print(f"{found.slug}: {chosen.label}, {chosen.users} usuários, {chosen.concurrent_users} simultâneos; {change}")


@app.command()
def contact(
    ref: Ref,
    person: Annotated[list[str], typer.Argument(help="Contatos, cada um como 'Nome;e-mail;papel'.")],
    as_json: JsonOption = False,
) -> None:
    """Troca a lista de contatos.

    Exemplo: ./implanta municipality contact timoteo 'Ana Lima;ana@timoteo.mg.gov.br;ponto focal'
    """
    with errors_as_lines():
        registry = open_registry()
        found = registry.find_municipality(ref)
        change = registry.ensure_municipality(found.model_copy(update={"contacts": _contacts(person)}))
    if as_json:
        print_json({"slug": found.slug, "change": change.model_dump()})
        return
    out.print(f"{found.slug}: {change}")


@app.command("list")
def list_all(as_json: JsonOption = False) -> None:
    """Lista os municípios do programa. Exemplo: ./implanta municipality list"""
    with errors_as_lines():
        registry = open_registry()
        rows = [_summary(registry, found.slug) for found in registry.list_municipalities()]
    if as_json:
        print_json(rows)
        return
    as_rows(
        rows,
        {"slug": "Município", "uf": "UF", "population": "População", "plan": "Plano", "stage": "Etapa"},
        "Municípios",
    )


@app.command()
def show(ref: Ref, as_json: JsonOption = False) -> None:
    """Mostra um município: plano, etapa, prazo e histórico. Exemplo: ./implanta municipality show timoteo"""
    from domain.drift import shown
    from tasks.sla import read_clock

    with errors_as_lines():
        registry = open_registry()
        found = registry.find_municipality(ref)
        summary = _summary(registry, found.slug)
        clock = read_clock(registry, found)
        events = [
            {"when": event.occurred_at, "what": event.kind, "where": event.environment or "", "details": event.details}
            for event in registry.events(ibge=found.ibge)
        ]
    if as_json:
        print_json({**summary, "sla": clock.model_dump(mode="json") if clock else None, "events": events})
        return
    out.print(f"{found.name}/{found.uf}, IBGE {found.ibge}, {found.population} habitantes, {summary['plan']}")
    out.print(f"Etapa: {summary['stage']}")
    if clock:
        out.print(
            f"Prazo do ambiente: {clock.state.label}, {clock.elapsed_business_days} de {clock.agreed_business_days}"
            f" dias úteis, até {clock.due_date:%d/%m/%Y}"
        )
    for event in events:
        event["details"] = shown(str(event["details"]))  # a hundred siglas are for --json
    as_rows(events, {"when": "Quando", "what": "O quê", "where": "Onde", "details": "Detalhes"}, "Histórico")


@app.command()
def send(
    ref: Ref,
    files: Annotated[list[Path], typer.Argument(help="CSV ou XLSX: unidades, usuarios, capacitacao, prefeitura.")],
    kind: Annotated[
        str | None, typer.Option("--as", metavar="PLANILHA", help="Qual planilha é, para arquivo com outro nome.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Envia planilhas da prefeitura. Exemplo: ./implanta municipality send timoteo examples/timoteo/usuarios.csv"""
    from domain.errors import InvalidInputError

    with errors_as_lines():
        missing = [str(file) for file in files if not file.is_file()]
        if missing:
            raise InvalidInputError(f"Arquivo não encontrado: {', '.join(missing)}", ref, "Confira o caminho.")
        from cli.intake import send_sheets, sheet_named
        from cli.prefect import connect

        only = sheet_named(kind, ref)
        connect()
        changes = send_sheets(open_registry().find_municipality(ref).slug, files, only=only)
    if as_json:
        print_json({name: change.model_dump() for name, change in changes.items()})
        return
    for name, change in changes.items():
        out.print("; ".join([f"{name}: {change}", *change.details]))


def _summary(registry: "Registry", slug: str) -> dict[str, object]:
    from domain.lifecycle import current_stage

    found = registry.find_municipality(slug)
    contract = registry.contract(found.ibge)
    reached = set(registry.stages_done(found.ibge)[found.ibge])
    return {
        "slug": found.slug,
        "ibge": found.ibge,
        "name": found.name,
        "uf": found.uf,
        "population": found.population,
        "plan": contract.plan.label if contract else "sem plano",
        "users": contract.plan.users if contract else None,
        "stage": current_stage(reached).label,
    }


def _negotiated(users: int | None, concurrent: int | None) -> "Plan | None":
    from domain.errors import InvalidInputError
    from domain.plan import Plan

    if users is None and concurrent is None:
        return None
    if users is None or concurrent is None or concurrent > users:
        raise InvalidInputError(
            "Plano negociado incompleto", "--users e --concurrent", "Informe os dois, simultâneos até o total."
        )
    return Plan(faixa=None, users=users, concurrent_users=concurrent, negotiated=True)


def _contacts(texts: list[str]) -> "tuple[Contact, ...]":
    from pydantic import ValidationError

    from domain.errors import InvalidInputError
    from domain.municipality import Contact

    found = []
    for number, text in enumerate(texts, start=1):
        try:
            name, email, role = (part.strip() for part in text.split(";"))
            found.append(Contact(name=name, email=email, role=role))
        except (ValueError, ValidationError):
            raise InvalidInputError(
                f"O {number}º contato não está no formato", "--contact", "Escreva 'Nome;e-mail;papel'."
            ) from None
    return tuple(found)
