"""`./implanta environment plan|apply|verify|show|segregation`: what is declared, held against what is."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cli.output import JsonOption, PlanOption, as_rows, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from domain.delivery import DeliveryCertificate
    from domain.inspection import Inspection
    from domain.report import StageReport
    from domain.segregation import SegregationReport

Target = Annotated[str, typer.Argument(help="Nome do ambiente (timoteo-producao).")]
Targets = Annotated[list[str], typer.Argument(help="Nomes dos ambientes (timoteo-treinamento timoteo-producao).")]


def plan(target: Target, as_json: JsonOption = False) -> None:
    """Mostra o que o apply faria, e por quê; não muda nada. Exemplo: ./implanta environment plan timoteo-producao"""
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.plan_environment import plan_environment

        with explaining_failures():
            found = plan_environment(target)
    if as_json:
        print_json({**found.model_dump(mode="json"), "drift": found.drift(), "digest": found.digest})
        return
    _print_plan(found)


def apply(
    targets: Targets,
    plan_digest: PlanOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cria ou conserta ambientes e prova cada um. Exemplo: ./implanta environment apply timoteo-treinamento

    Com vários nomes, a falha de um não impede os outros; o comando termina com o código da pior.
    """
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from domain.inspection import require_same_plan
        from flows.create_environments import create_environments
        from flows.plan_environment import plan_environment

        with explaining_failures():
            if plan_digest is not None:
                slug = _only(targets)
                again = f"./implanta environment plan {slug}"
                require_same_plan(plan_digest, plan_environment(slug).digest, slug, again)
            fleet = create_environments(targets)
    if as_json:
        print_json(fleet.model_dump(mode="json"))
    else:
        for report in fleet.reports:
            _print_report(report)
        if fleet.failures:
            as_rows(
                [{"slug": slug, "why": why} for slug, why in fleet.failures.items()],
                {"slug": "Ambiente", "why": "Por que falhou"},
                "Falharam",
            )
    with errors_as_lines():
        fleet.raise_if_any_failed()


def verify(target: Target, as_json: JsonOption = False) -> None:
    """Confere o ambiente com o declarado, sem mudar nada. Exemplo: ./implanta environment verify timoteo-producao

    Termina com 40 quando algo difere ou não se prova; o apply conserta o que difere.
    """
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.verify_environment import verify_environment

        with explaining_failures():
            found = verify_environment(target)
    if as_json:
        print_json({**found.model_dump(mode="json"), "drift": found.drift()})
    else:
        _print_inspection(found)
    with errors_as_lines():
        found.raise_if_wrong()


def show(target: Target, as_json: JsonOption = False) -> None:
    """Mostra o certificado de entrega do ambiente, e quem o fechou ao público.

    Exemplo: ./implanta environment show timoteo-treinamento
    """
    with errors_as_lines():
        from cli.prefect import connect
        from domain.errors import InvalidInputError

        connect()
        from tasks.certificate import find_certificate
        from tasks.closing import closing_of
        from tasks.instance import load_instance

        certificate = find_certificate(target)
        if certificate is None:
            raise InvalidInputError(
                "O ambiente ainda não tem certificado de entrega",
                target,
                f"Crie-o com ./implanta environment apply {target}.",
            )
        closing = closing_of(load_instance(target))
    if as_json:
        closed = closing.model_dump(mode="json") if closing else None
        print_json({**certificate.model_dump(mode="json"), "substance": certificate.substance, "closing": closed})
        return
    _print_certificate(certificate)
    if closing is not None:
        out.print(f"[bold]{escape(closing.told)}.[/]", highlight=False)


def segregation(target: Target, as_json: JsonOption = False) -> None:
    """Tenta, como o ambiente, alcançar o vizinho por todos os caminhos. Exemplo: ./implanta environment segregation timoteo-producao"""  # noqa: E501  # one sentence and one example, as every command's help
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.neighbourhood import choose_neighbour
        from tasks.segregation import probe_segregation

        report = probe_segregation.fn(target, choose_neighbour(target))
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _print_segregation(report)
    if report.problems():
        with errors_as_lines():
            from domain.segregation import FleetSegregation

            FleetSegregation(reports=(report,)).raise_if_any_failed()


def _only(targets: list[str]) -> str:
    """The one environment that a plan's code is about."""
    if len(targets) > 1:
        from domain.errors import InvalidInputError

        raise InvalidInputError(
            "--plan vale para um ambiente de cada vez", ", ".join(targets), "Aplique cada ambiente com o seu código."
        )
    return targets[0]


def _print_plan(found: "Inspection") -> None:
    from domain.inspection import SHOWN_DIGITS

    command = f"./implanta environment apply {found.environment} --plan {found.digest[:SHOWN_DIGITS]}"
    if not found.steps:
        out.print(f"{found.environment}: ainda não existe. Crie-o com: {command}")
    elif not found.drifted:
        out.print(f"{found.environment}: 0 mudanças; nada a aplicar.")
    else:
        rows = [
            {"step": result.name, "change": str(result.change), "detail": "\n".join(result.change.details)}
            for result in found.drifted
        ]
        as_rows(rows, {"step": "Passo", "change": "Mudança", "detail": "O quê"}, f"Plano de {found.environment}")
        out.print(f"Aplique com: {command}")
    for fact in found.facts:
        out.print(f"• {fact}", highlight=False)


def _print_inspection(found: "Inspection") -> None:
    rows = [{"what": "difere", "text": text} for text in found.drift()]
    rows += [{"what": "problema", "text": text} for text in found.problems]
    rows += [{"what": "ok", "text": text} for text in found.facts]
    as_rows(rows, {"what": "Situação", "text": "O quê"}, f"Conferência de {found.environment}")


def _print_report(report: "StageReport") -> None:
    rows = [
        {"name": step.name, "change": str(step.change), "seconds": f"{step.seconds:.2f} s"} for step in report.steps
    ]
    rows.append({"name": "total", "change": str(report.change), "seconds": f"{report.seconds:.2f} s"})
    as_rows(rows, {"name": "Passo", "change": "Resultado", "seconds": "Duração"}, report.subject)
    for fact in report.facts:
        out.print(f"• {fact}", highlight=False)


def _print_certificate(certificate: "DeliveryCertificate") -> None:
    rows = [
        {"key": "Município", "value": certificate.municipality},
        {"key": "Finalidade", "value": certificate.purpose},
        {"key": "Endereço", "value": f"{certificate.url}/sei"},
        {"key": "Versão", "value": certificate.release},
        {"key": "Plano", "value": certificate.plan},
        {"key": "Servidor de banco", "value": certificate.database_server},
        *({"key": name, "value": value} for name, value in certificate.names.items()),
        *({"key": check.title, "value": check.evidence} for check in certificate.checks),
        {"key": "Emitido em", "value": f"{certificate.issued_at:%d/%m/%Y %H:%M} UTC"},
    ]
    as_rows(rows, {"key": "Item", "value": "Valor"}, f"Certificado de {certificate.environment}")


def _print_segregation(report: "SegregationReport") -> None:
    rows = [
        {"way": result.way.label, "title": result.title, "label": result.label, "evidence": result.evidence}
        for result in report.results
    ]
    columns = {"way": "Caminho", "title": "Tentativa", "label": "Resultado", "evidence": "Resposta"}
    as_rows(rows, columns, f"{report.environment} → {report.neighbour or 'ninguém'}")
    out.print(f"{report.refused} tentativas recusadas, {len(report.open_doors)} abertas.")
