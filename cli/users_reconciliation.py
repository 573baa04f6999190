"""`./implanta users reconcile|mend`: the people in the directory, in SIP and in SEI, held against each other."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import JsonOption, Target, as_rows, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from domain.users_difference import Comparison

_SHOWN = 60


def reconcile(
    target: Target,
    show_logins: Annotated[
        bool, typer.Option("--show-logins", help="Mostra também o login de cada um, só neste terminal.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compara LDAP, SIP e SEI, pessoa a pessoa. Exemplo: ./implanta users reconcile timoteo-treinamento

    Termina com 40 quando há conta aberta de quem não está ativo no SIP.
    """
    logins: dict[str, str] = {}
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.reconcile_users import reconcile_users
        from tasks.users_reconciliation import logins_by_name

        with explaining_failures():
            found = reconcile_users(target)
        if show_logins:
            logins = logins_by_name(target)
        from domain.inspection import SHOWN_DIGITS
    _show(found, logins, as_json=as_json)
    if not as_json and found.mendable:
        out.print(
            f"Para consertar só isto: ./implanta users mend {target} --plan {found.code[:SHOWN_DIGITS]}", soft_wrap=True
        )
    with errors_as_lines():
        found.raise_if_wrong()


def mend(
    target: Target,
    plan_code: Annotated[str, typer.Option("--plan", help="Código que reconcile mostrou: conserta só se for o mesmo.")],
    as_json: JsonOption = False,
) -> None:
    """Conserta o que uma máquina sozinha pode.

    Exemplo: ./implanta users mend timoteo-treinamento --plan 3f1c9a0b77de
    """
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.reconcile_users import mend_environment_users

        with explaining_failures():
            left = mend_environment_users(target, plan_code)
    _show(left, {}, as_json=as_json)


def _show(found: "Comparison", logins: dict[str, str], *, as_json: bool) -> None:
    rows = [
        {
            "kind": item.kind.value,
            "told": item.told,
            "who": item.who,
            "remedy": item.remedy.value if item.remedy else None,
            "to_do": item.to_do,
            **({"login": logins.get(item.who, "")} if logins else {}),
        }
        for item in found.differences
    ]
    if as_json:
        counts = {kind.value: count for kind, count in found.counts.items()}
        totals = {
            "accounts": found.accounts,
            "open_accounts": found.open_accounts,
            "sip_users": found.sip_users,
            "sei_users": found.sei_users,
            "mendable": found.mendable,
        }
        head = {"environment": found.environment, "code": found.code, **totals, "counts": counts}
        print_json({**head, "remarks": found.remarks, "differences": rows})
        return
    if rows:
        columns = {"told": "Diferença", "to_do": "O que resolve", **({"login": "Login"} if logins else {})}
        as_rows(rows[:_SHOWN], columns, f"Conciliação de {found.environment}")
    if len(rows) > _SHOWN:
        out.print(f"… e mais {len(rows) - _SHOWN} (veja todas com --json)")
    for remark in found.remarks:
        out.print(f"[yellow]Atenção:[/] {remark}", highlight=False, soft_wrap=True)
    out.print(f"{found.environment}: {found.summary()}.", highlight=False, soft_wrap=True)
