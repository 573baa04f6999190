"""`./implanta environment`: what exists, where, and from which reference."""

import typer

from cli import certificate, clone, conformity, maintenance, render, retirement
from cli.municipality import open_registry
from cli.output import JsonOption, as_rows, errors_as_lines, print_json

app = typer.Typer(no_args_is_help=True)
app.command("plan")(conformity.plan)
app.command("apply")(conformity.apply)
app.command("verify")(conformity.verify)
app.command("show")(conformity.show)
app.command("segregation")(conformity.segregation)
app.command("render")(render.render)
app.command("certificates")(certificate.certificates)
app.command("certificate")(certificate.certificate)
app.command("clone")(clone.clone)
app.command("maintenance")(maintenance.maintenance)
app.command("retire")(retirement.retire)
app.command("reinstate")(retirement.reinstate)
app.command("destroy")(retirement.destroy)


@app.command("list")
def list_all(as_json: JsonOption = False) -> None:
    """Lista os ambientes. Exemplo: ./implanta environment list"""
    from domain.retirement import Milestone, standing_of

    with errors_as_lines():
        registry = open_registry()
        records = registry.list_environments()
        events = registry.events(kinds=list(Milestone))
    past: dict[str, list[Milestone]] = {}
    for event in events:
        past.setdefault(event.environment or "", []).append(Milestone(event.kind))
    rows = [
        {
            "slug": record.slug,
            "purpose": record.purpose,
            "release": record.release_version,
            "reference": (record.reference_digest or "")[:12],
            "standing": standing_of(past.get(record.slug, [])).value,
            "state": standing_of(past.get(record.slug, [])).label,
            "address": f"https://{record.hostname}/sei",
        }
        for record in records
    ]
    if as_json:
        print_json(rows)
        return
    columns = {
        "slug": "Ambiente",
        "state": "Situação",
        "release": "Versão",
        "reference": "Referência",
        "address": "Endereço",
    }
    as_rows(rows, columns, "Ambientes")
