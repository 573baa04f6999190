"""`./implanta approve`: a person's answer to a gate, as in the Prefect form."""

from typing import Annotated

import typer

from cli.municipality import open_registry
from cli.output import JsonOption, errors_as_lines, out, print_json


def approve(
    municipality: Annotated[str, typer.Argument(help="Nome curto do município (timoteo).")],
    name: Annotated[str, typer.Option("--name", help="Nome de quem decide; fica no registro.")],
    reason: Annotated[str, typer.Option("--reason", help="Motivo, que fica registrado.")],
    gate: Annotated[str, typer.Option("--gate", help="Portão: go-live.")] = "go-live",
    reject: Annotated[bool, typer.Option("--reject", help="Recusar em vez de aprovar.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Registra a decisão sobre um portão.

    Exemplo: ./implanta approve timoteo --name 'Ana Lima' --reason 'Ofício 12/2026'
    """
    from domain.errors import InvalidInputError

    with errors_as_lines():
        if gate != "go-live":
            raise InvalidInputError(f"Portão {gate!r} não existe", "--gate", "Use go-live.")
        registry = open_registry()
        found = registry.find_municipality(municipality)
        registry.record_decision(
            ibge=found.ibge, gate=gate, decision="reject" if reject else "approve", name=name, reason=reason
        )
    if as_json:
        print_json({"slug": found.slug, "gate": gate, "decision": "reject" if reject else "approve"})
        return
    out.print(
        f"{found.slug}: {'recusa' if reject else 'aprovação'} registrada. Execute ./implanta implant {found.slug}."
    )
