"""`./implanta release`: what can be installed, and how."""

from typing import Annotated, Any

import typer

from cli import release_package
from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json, print_markdown

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def show_list(as_json: JsonOption = False) -> None:
    """Lista as versões do SEI, correções e módulos que o programa instala.

    \b
    Exemplo: ./implanta release list
    """
    with errors_as_lines():
        from blocks.catalog import Catalog
        from domain.upgrade.release import ReleaseKind

        table = Catalog().releases()
    rows: list[dict[str, Any]] = [
        {
            "code": release.code,
            "kind": release.kind.value,
            "complexity": release.complexity.value,
            "sei": release.sei_version,
            "sip": release.sip_version,
            "from": [line for upgrade in release.upgrades for line in upgrade.from_lines],
            "minutes": max((upgrade.minutes for upgrade in release.upgrades), default=0),
            "default": release.code == table.default,
        }
        for release in table.releases
    ]
    if as_json:
        print_json(rows)
        return
    shown = [
        row
        | {"sei": row["sei"] or "", "sip": row["sip"] or "", "from": ", ".join(row["from"])}
        | {"default": "sim" if row["default"] else "", "kind": ReleaseKind(row["kind"]).label}
        for row in rows
    ]
    columns = {"code": "Código", "kind": "Tipo", "complexity": "Complexidade", "sei": "SEI", "sip": "SIP"}
    as_rows(shown, columns | {"from": "De", "minutes": "Minutos", "default": "Padrão"}, "Versões")


@app.command("show")
def show(
    code: Annotated[str, typer.Argument(help="Código do item, como em release list (4.1.0).")],
    as_json: JsonOption = False,
) -> None:
    """Mostra os passos de uma versão, correção ou módulo, na ordem, e as notas que a prefeitura recebe.

    \b
    Exemplo: ./implanta release show 4.1.0
    """
    with errors_as_lines():
        from blocks.catalog import Catalog
        from domain.errors import InvalidInputError

        release = Catalog().releases().find_any(code)
        if release is None:
            raise InvalidInputError(
                f"A versão {code!r} não está no catálogo", "catalog/releases.yaml", "Veja ./implanta release list."
            )
        notes = Catalog().release_notes(release)
    if as_json:
        print_json(release.model_dump(mode="json") | {"notes": notes})
        return
    out.print(f"{release.code}: {release.kind.label}, complexidade {release.complexity.label}", highlight=False)
    for upgrade in release.upgrades:
        out.print(f"A partir de {', '.join(upgrade.from_lines)}, {upgrade.minutes} min:", highlight=False)
        for number, step in enumerate(upgrade.steps, 1):
            undone = "reversível" if step.reversible else "só se desfaz com a cópia"
            out.print(f"  {number}. {step.told}: {step.minutes} min; {undone}", highlight=False, soft_wrap=True)
            if step.changes_tenant_data:
                out.print(f"     muda dados de {', '.join(step.tables)}", highlight=False, soft_wrap=True)
    print_markdown(notes.splitlines())


app.command("build")(release_package.build)
app.command("check")(release_package.check)
