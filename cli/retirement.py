"""`./implanta environment retire|destroy|reinstate`: the way out, with who decided it and why."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.municipality import open_registry
from cli.output import JsonOption, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from domain.retirement import RetirementReport

Target = Annotated[str, typer.Argument(help="Ambiente, como em ./implanta environment list (timoteo-treinamento).")]
Name = Annotated[str, typer.Option("--name", help="Nome de quem decide; fica no registro.")]
Reason = Annotated[str, typer.Option("--reason", help="Motivo, que fica no registro.")]


def retire(target: Target, name: Name, reason: Reason, as_json: JsonOption = False) -> None:
    """Encerra um ambiente: para, copia, prova a cópia e revoga os acessos; os dados ficam até o fim da retenção.

    Exemplo: ./implanta environment retire timoteo-treinamento --name 'Ana Lima' --reason 'Ofício 12/2026'
    """
    from domain.retirement import retirement_gate

    with errors_as_lines():
        _connect()
        _decide(target, retirement_gate(target), name, reason)
        from cli.prefect import explaining_failures
        from flows.retire_environment import retire_environment

        with explaining_failures():
            report = retire_environment(target)
    _show(report, as_json)


def destroy(
    target: Target,
    confirm: Annotated[str, typer.Option("--confirm", help="O nome do ambiente, digitado de novo.")],
    name: Name,
    reason: Reason,
    as_json: JsonOption = False,
) -> None:
    """Destrói os dados de um ambiente encerrado depois da retenção; em produção, com duas pessoas.

    \b
    Exemplo: ./implanta environment destroy timoteo-treinamento --confirm timoteo-treinamento --name Ana --reason Fim
    """
    from domain.errors import InvalidInputError
    from domain.retirement import destruction_gate

    with errors_as_lines():
        if confirm != target:  # before the decision is recorded: a slip of the keyboard decides nothing
            raise InvalidInputError(
                "A confirmação não é o nome do ambiente", target, f"Digite exatamente {target} em --confirm."
            )
        _connect()
        _decide(target, destruction_gate(target), name, reason)
        from cli.prefect import explaining_failures
        from flows.destroy_environment import destroy_environment

        with explaining_failures():
            report = destroy_environment(target, confirm)
    _show(report, as_json)


def reinstate(target: Target, as_json: JsonOption = False) -> None:
    """Desfaz um encerramento antes da destruição.

    Exemplo: ./implanta environment reinstate timoteo-treinamento
    """
    with errors_as_lines():
        _connect()
        from cli.prefect import explaining_failures
        from flows.reinstate_environment import reinstate_environment

        with explaining_failures():
            report = reinstate_environment(target)
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    out.print(f"{target}: encerramento desfeito; {report.change}")


def _connect() -> None:
    from cli.prefect import connect

    connect()


def _decide(target: str, gate: str, name: str, reason: str) -> None:
    registry = open_registry()
    record = registry.environment(target)
    registry.record_decision(ibge=record.ibge, gate=gate, decision="approve", name=name, reason=reason)


def _show(report: "RetirementReport", as_json: bool) -> None:
    if as_json:
        print_json({**report.model_dump(mode="json"), "change": report.change.model_dump(mode="json")})
        return
    out.print(f"{report.environment}: {report.standing.label}; {report.change}")
    for fact in report.facts:
        out.print(f"  {fact}")
