"""`./implanta upgrade plan|start|status|…`: a campaign over the fleet, and the map of who has which version."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.fleet_versions import incident, show_map
from cli.output import JsonOption, errors_as_lines, out, print_json, print_markdown, talk, write_file

if TYPE_CHECKING:
    from domain.campaign.history import CampaignEvent
    from tasks.campaign import View

Code = Annotated[str, typer.Argument(help="Código da versão, correção ou módulo, como em release list (4.1.0).")]
Role = Annotated[str, typer.Option("--role", help="Equipe ou papel de quem decide (gerência); nunca o nome.")]
Reason = Annotated[str, typer.Option("--reason", help="Motivo, que fica registrado; sem nomes de pessoas.")]
Name = Annotated[str | None, typer.Option("--campaign", help="Qual campanha, como em status; sem isso, a atual.")]
Environments = Annotated[list[str], typer.Argument(help="Ambientes (timoteo-producao).")]
_DAY = ["%Y-%m-%d"]


def plan(
    code: Code,
    target: Annotated[Path | None, typer.Option("--to", help="Grava a figura das ondas (.png).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Mostra quem receberia a versão, em que noite e por que nessa onda, quem fica de fora e quando termina.

    \b
    Exemplo: ./implanta upgrade plan 4.1.0
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.campaign_decisions import plan_before

        view = plan_before(code)
        if target:
            from blocks.campaign_picture import draw_waves

            write_file(target, draw_waves(view.plan, view.facts.calendar))
    _tell_plan(view, as_json=as_json)


def start(
    code: Code,
    role: Role,
    reason: Reason,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Só este ambiente, além dos do estado; repita. Sem isso, toda a frota."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Abre a campanha de uma versão: a partir de hoje, cada noite faz o que cabe a ela.

    \b
    Exemplo: ./implanta upgrade start 4.1.0 --role gerência --reason 'Versão homologada pelo estado'
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.campaign_decisions import start_campaign

        campaign = start_campaign(code, only or (), role, reason)
    members = sorted(campaign.state.members)
    if as_json:
        print_json({"campaign": campaign.name, "release": campaign.state.release, "environments": members})
        return
    out.print(f"Campanha {campaign.name} aberta, com {len(members)} ambientes.", highlight=False)
    out.print("Veja ./implanta upgrade status; o fluxo campanha de atualização a leva adiante.", highlight=False)


def status(campaign: Name = None, as_json: JsonOption = False) -> None:
    """Mostra a campanha como está: o plano de agora, quem está de fora e a história.

    \b
    Exemplo: ./implanta upgrade status
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from domain.campaign.story import story, told
        from tasks.campaign import Night
        from tasks.campaign_log import find_campaign

        night = Night(find_campaign(campaign))
        view = night.view()
    if as_json:
        lines = [
            {
                "at": line.happening.at,
                "kind": line.happening.kind.value,
                "actor": line.actor,
                "environments": list(line.happening.environments),
                "told": told(line.happening),
                "reason": line.happening.reason,
            }
            for line in night.campaign.lines
        ]
        print_json({"campaign": night.name, "plan": view.plan.model_dump(mode="json"), "story": lines})
        return
    _tell_plan(view, as_json=False)
    print_markdown(["## História", "", *story(night.campaign.lines)])


def night(campaign: Name = None, as_json: JsonOption = False) -> None:
    """Faz agora o que cabe à campanha: decide, marca, ensaia e atualiza os ambientes cuja vez chegou.

    \b
    Exemplo: ./implanta upgrade night
    """
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.upgrade_campaign import upgrade_campaign

        with talk.status("Executando a campanha"), explaining_failures():
            report = upgrade_campaign(campaign)
    if as_json:
        print_json(report.model_dump(mode="json") if report else None)
        return
    print_markdown(report.markdown() if report else ["Nenhuma campanha a levar adiante."])


def pause(role: Role, reason: Reason, campaign: Name = None, as_json: JsonOption = False) -> None:
    """Põe a campanha em pausa: o que está sendo atualizado termina, e ninguém mais começa.

    \b
    Exemplo: ./implanta upgrade pause --role gerência --reason 'Feriado prolongado'
    """
    _decide("campaign.paused", (), role, reason, campaign, as_json=as_json)


def resume(role: Role, reason: Reason, campaign: Name = None, as_json: JsonOption = False) -> None:
    """Retoma uma campanha em pausa, parada por falhas ou terminada; o plano é refeito a partir de hoje.

    \b
    Exemplo: ./implanta upgrade resume --role gerência --reason 'Causas explicadas'
    """
    _decide("campaign.resumed", (), role, reason, campaign, as_json=as_json)


def abort(role: Role, reason: Reason, campaign: Name = None, as_json: JsonOption = False) -> None:
    """Encerra a campanha sem terminar; quem já foi atualizado fica como está, e ela não se retoma.

    \b
    Exemplo: ./implanta upgrade abort --role gerência --reason 'O estado adotou outra versão'
    """
    _decide("campaign.aborted", (), role, reason, campaign, as_json=as_json)


def promote(role: Role, reason: Reason, campaign: Name = None, as_json: JsonOption = False) -> None:
    """Libera a onda seguinte quando só falta a decisão de uma pessoa; sai com 30, e diz o que falta, se falta mais.

    \b
    Exemplo: ./implanta upgrade promote --role gerência --reason 'Ata 12/2027'
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.campaign import Night
        from tasks.campaign_decisions import promote_by_hand
        from tasks.campaign_log import find_campaign

        found = Night(find_campaign(campaign))
        decisions = promote_by_hand(found, role, reason)
    if as_json:
        told = {title: decision.model_dump(mode="json") for title, decision in decisions.items()}
        print_json({"campaign": found.name, "decisions": told})
        return
    for title, decision in decisions.items():
        out.print(f"{title}: {decision.verdict.label} – {'; '.join(decision.reasons)}", highlight=False)


def skip(
    environments: Environments, role: Role, reason: Reason, campaign: Name = None, as_json: JsonOption = False
) -> None:
    """Pula ambientes: a campanha segue sem esperar por eles, até que se peça de novo com retry.

    \b
    Exemplo: ./implanta upgrade skip timoteo-producao --role infraestrutura --reason 'Muda de servidor'
    """
    _decide("campaign.environment_skipped", environments, role, reason, campaign, as_json=as_json)


def retry(
    environments: Environments, role: Role, reason: Reason, campaign: Name = None, as_json: JsonOption = False
) -> None:
    """Dá nova vez a quem falhou, depois de encerrada a falha, ou foi pulado.

    \b
    Exemplo: ./implanta upgrade retry timoteo-producao --role infraestrutura --reason 'Já mudou de servidor'
    """
    _decide("campaign.environment_retried", environments, role, reason, campaign, as_json=as_json)


def close_failure(
    environments: Environments, role: Role, reason: Reason, campaign: Name = None, as_json: JsonOption = False
) -> None:
    """Encerra a falha de um ambiente cuja causa se conhece: ele sai da quarentena, e quem foi retido por ela também.

    \b
    Exemplo: ./implanta upgrade close-failure timoteo-producao --role suporte --reason 'Tabela criada à mão, removida'
    """
    _decide("campaign.quarantine_closed", environments, role, reason, campaign, as_json=as_json)


def join(
    environments: Environments, role: Role, reason: Reason, campaign: Name = None, as_json: JsonOption = False
) -> None:
    """Põe ambientes na campanha que anda; entram nas últimas ondas.

    \b
    Exemplo: ./implanta upgrade join timoteo-producao --role gerência --reason 'Entrou em produção'
    """
    _decide("campaign.environment_joined", environments, role, reason, campaign, as_json=as_json)


def leave(
    environments: Environments, role: Role, reason: Reason, campaign: Name = None, as_json: JsonOption = False
) -> None:
    """Tira ambientes da campanha que anda.

    \b
    Exemplo: ./implanta upgrade leave timoteo-producao --role 'ponto focal' --reason 'Fica na versão atual'
    """
    _decide("campaign.environment_left", environments, role, reason, campaign, as_json=as_json)


def blackout(
    environments: Environments,
    first: Annotated[datetime, typer.Option("--from", formats=_DAY, help="Primeiro dia, como 2097-02-01.")],
    last: Annotated[datetime, typer.Option("--until", formats=_DAY, help="Último dia, incluído.")],
    role: Role,
    reason: Reason,
    campaign: Name = None,
    as_json: JsonOption = False,
) -> None:
    """Reserva dias em que um ambiente não para; a sua noite é remarcada se cair neles.

    Exemplo: ./implanta upgrade blackout timoteo-producao --from 2097-02-01 --until 2097-02-10 --role educação
    --reason Matrículas
    """
    told = {"first": first.date(), "last": last.date(), "reason": reason}
    _decide("campaign.blackout_claimed", environments, role, reason, campaign, as_json=as_json, blackout=told)


def add_to(app: typer.Typer) -> None:
    """Put the commands of campaigns beside those of single upgrades."""
    for name, command in (
        ("plan", plan),
        ("start", start),
        ("status", status),
        ("night", night),
        ("pause", pause),
        ("resume", resume),
        ("abort", abort),
        ("promote", promote),
        ("skip", skip),
        ("retry", retry),
        ("close-failure", close_failure),
        ("join", join),
        ("leave", leave),
        ("blackout", blackout),
        ("incident", incident),
        ("map", show_map),
    ):
        app.command(name)(command)


def _decide(
    kind: "CampaignEvent | str",
    environments: Sequence[str],
    role: str,
    reason: str,
    name: str | None,
    *,
    as_json: bool,
    **told: object,
) -> None:
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from domain.campaign.history import CampaignEvent
        from domain.campaign.story import told as sentence
        from tasks.campaign_decisions import decide
        from tasks.campaign_log import find_campaign

        campaign = find_campaign(name)
        state = decide(campaign, CampaignEvent(kind), environments, role, reason, **told)
        line = sentence(campaign.lines[-1].happening)
    if as_json:
        print_json({"campaign": campaign.name, "status": state.status.value, "environments": list(environments)})
        return
    out.print(f"Campanha {campaign.name} ({state.status.label}): {line.replace('**', '')}.", highlight=False)


def _tell_plan(view: "View", *, as_json: bool) -> None:
    from domain.campaign.rows import markdown, rows_of

    if as_json:
        rows = [row.model_dump(mode="json") for row in rows_of(view.plan, view.facts)]
        found = view.plan.model_dump(mode="json", include={"release", "status", "today", "left_out", "ends_on"})
        print_json(found | {"units": rows})
        return
    print_markdown(markdown(view.plan, view.facts))
