"""`./implanta seed …`: the document model, from the catalog to the instances."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import JsonOption, PlanOption, Target, as_rows, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from domain.document_model.plan import PlanReport
    from domain.document_model.verdict import ModelVerdict

app = typer.Typer(no_args_is_help=True)

_SHOWN_STEPS = 60


@app.command("plan")
def plan(target: Target, as_json: JsonOption = False) -> None:
    """Mostra o que o modelo de documentos mudaria; não muda nada. Exemplo: ./implanta seed plan timoteo-treinamento"""
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.document_model import plan_model

        with explaining_failures():
            found = plan_model(target)
        from domain.inspection import SHOWN_DIGITS
    _show(found, as_json=as_json, verb="mudariam")
    if not as_json and found.changes:
        out.print(f"Para aplicar só este plano: ./implanta seed apply {target} --plan {found.digest[:SHOWN_DIGITS]}")


@app.command("apply")
def apply(
    target: Target,
    plan_digest: PlanOption = None,
    as_json: JsonOption = False,
) -> None:
    """Aplica o modelo de documentos, tudo ou nada. Exemplo: ./implanta seed apply timoteo-treinamento"""
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.document_model import apply_model

        with explaining_failures():
            done = apply_model(target, plan_digest)
    _show(done, as_json=as_json, verb="mudaram")


@app.command("explain")
def explain(
    target: Target,
    item: Annotated[str, typer.Argument(help="Nome do item, ou parte dele (IPTU).")],
    as_json: JsonOption = False,
) -> None:
    """Diz de que camada e linha vem cada valor de um item. Exemplo: ./implanta seed explain timoteo-treinamento IPTU"""
    with errors_as_lines():
        from cli.prefect import connect
        from domain.errors import InvalidInputError

        connect()
        from domain.document_model.explain import explain_items
        from tasks.document_model import effective_model

        layers, model = effective_model(target)
        found = explain_items(model, item)
        if not found:
            raise InvalidInputError(
                f"Nenhum item do modelo se chama {item!r}",
                ", ".join(layers),
                "Use uma parte do nome como está nos arquivos do modelo.",
            )
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in found])
        return
    for entry in found:
        rows = [{"field": line.field, "value": line.value, "source": line.source} for line in entry.lines]
        as_rows(
            rows,
            {"field": "Campo", "value": "Valor", "source": "De onde vem"},
            f"{entry.kind} · {entry.label} ({entry.posse})",
        )


@app.command("export")
def export(
    target: Target,
    folder: Annotated[Path, typer.Argument(help="Pasta nova, uma camada do modelo.")],
    as_json: JsonOption = False,
) -> None:
    """Escreve o modelo de um ambiente como arquivos do catálogo. Exemplo: ./implanta seed export timoteo-treinamento ./modelo-timoteo"""  # noqa: E501  # one sentence and one example, as every command's help
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.document_model import export_document_model

        files = export_document_model(target, folder)
    if as_json:
        print_json([str(path) for path in files])
        return
    out.print(f"{len(files)} arquivos em {folder}.")


@app.command("check")
def check(as_json: JsonOption = False) -> None:
    """Confere os arquivos do modelo, camada por camada, sem tocar em ambiente algum. Exemplo: ./implanta seed check"""
    with errors_as_lines():
        from blocks.model_files import check_layers

        counts = check_layers()
    if as_json:
        print_json(counts)
        return
    rows = [{"layers": layers, "count": count} for layers, count in counts.items()]
    as_rows(rows, {"layers": "Camadas", "count": "Itens"}, "Modelo de documentos")


@app.command("drift")
def drift(as_json: JsonOption = False) -> None:
    """Compara toda a frota com seus modelos, sem mudar nada. Exemplo: ./implanta seed drift"""
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.check_models import check_models

        with explaining_failures():
            fleet = check_models()
    if as_json:
        print_json(fleet.model_dump(mode="json"))
        return
    rows = [
        {
            "environment": report.environment,
            "missing": len(report.missing),
            "changed": len(report.changed),
            "kept": len(report.kept),
            "local": len(report.local),
        }
        for report in fleet.reports
    ]
    columns = {
        "environment": "Ambiente",
        "missing": "Faltam",
        "changed": "Mudaram",
        "kept": "Da prefeitura",
        "local": "Locais",
    }
    as_rows(rows, columns, "Modelo de documentos da frota")


@app.command("verify")
def verify(target: Target, as_json: JsonOption = False) -> None:
    """Confere se um ambiente cumpre todas as regras do modelo. Exemplo: ./implanta seed verify timoteo-treinamento"""
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.validate_models import validate_model

        with explaining_failures():
            verdict = validate_model(target)
        if as_json:
            print_json(verdict.model_dump(mode="json"))
        else:
            _show_verdict(verdict)
        verdict.raise_if_wrong()


def _show_verdict(verdict: "ModelVerdict") -> None:
    rows = [
        {
            "passed": "✔" if suite.passed else "✖",
            "label": suite.label,
            "rows": suite.rows,
            "rules": len(suite.rules),
            "broken": suite.broken,
            "local": suite.local,
        }
        for suite in verdict.suites
    ]
    columns = {
        "passed": "",
        "label": "O que se confere",
        "rows": "Itens em uso",
        "rules": "Regras",
        "broken": "Não cumprem",
        "local": "Locais",
    }
    as_rows(rows, columns, f"Validação do modelo · {verdict.environment}")
    for told in (*verdict.problems[:_SHOWN_STEPS], *verdict.remarks[:_SHOWN_STEPS]):
        out.print(told)


def _show(found: "PlanReport", *, as_json: bool, verb: str) -> None:
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    changes = found.changes
    rows = [{"told": step.told, "source": step.source or "retirado do catálogo"} for step in changes[:_SHOWN_STEPS]]
    if rows:
        as_rows(rows, {"told": f"O que {verb}", "source": "Decidido em"}, f"Modelo de documentos · {found.environment}")
    if len(changes) > _SHOWN_STEPS:
        out.print(f"… e mais {len(changes) - _SHOWN_STEPS} itens (veja todos com --json).")
    kept = len(found.steps) - len(changes)
    out.print(
        f"{found.environment}: {len(changes)} itens {verb}, {kept} diferem e ficam como a prefeitura os tem,"
        f" {found.unchanged} estão como declarados."
    )
