"""`./implanta`: every command, imported only when it runs so that `--help` is instant."""

import typer

from cli import (
    approval,
    backup,
    bench,
    billing,
    board,
    campaign,
    environment,
    gateway,
    go_live,
    implantation,
    instrument,
    lab,
    message,
    monitoring,
    municipality,
    release,
    schedule,
    seed,
    self_backup,
    setup,
    support,
    training,
    units,
    upgrade,
    users,
    webhook,
)

app = typer.Typer(
    name="implanta",
    help="Implantação do SEI em prefeituras: ambientes, parametrização, usuários, capacitação e entrada em produção.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
app.add_typer(lab.app, name="lab", help="Laboratório: servidores reais privados, em .lab/.")
app.add_typer(municipality.app, name="municipality", help="Municípios do programa: adesão, plano, contatos, planilhas.")
app.add_typer(
    schedule.app, name="schedule", help="Cronograma: planejado, real e previsto, de uma prefeitura e da frota."
)
app.add_typer(environment.app, name="environment", help="Ambientes de SEI.")
app.add_typer(seed.app, name="seed", help="Modelo de documentos: do catálogo às instâncias.")
app.add_typer(units.app, name="units", help="Unidades: da planilha da prefeitura ao SIP e ao SEI.")
app.add_typer(
    instrument.app, name="instrument", help="Instrumentos para assinatura: decreto, cronograma, planos, termo."
)
app.add_typer(users.app, name="users", help="Usuários: da planilha ao acesso, e de volta.")
app.add_typer(training.app, name="training", help="Capacitação: o portão, e quem ainda não concluiu o quê.")
app.add_typer(go_live.app, name="go-live", help="Entrada em produção: a lista de verificação, a data e a volta.")
app.add_typer(
    message.app, name="message", help="Mensagens às prefeituras: o que sai, para que papéis, e o que já saiu."
)
app.add_typer(backup.app, name="backup", help="Cópias de segurança: feitas, restauradas, comparadas e certificadas.")
app.add_typer(
    self_backup.app,
    name="self-backup",
    help="Cópia do próprio Implanta: o registro e o Prefect, provados a cada noite.",
)
app.add_typer(release.app, name="release", help="Versões do SEI, correções e módulos: o que o programa instala.")
app.add_typer(upgrade.app, name="upgrade", help="Atualizações: ensaiadas em uma cópia, provadas, ou desfeitas.")
campaign.add_to(upgrade.app)
app.add_typer(support.app, name="support", help="Chamados da central de atendimento: o que se pede, e o que foi feito.")
app.add_typer(gateway.app, name="gateway", help="Páginas para as pessoas, e webhooks dos outros sistemas.")
app.add_typer(webhook.app, name="webhook", help="Webhooks: o que outros sistemas avisaram, e o que isso iniciou.")
app.add_typer(
    monitoring.app, name="monitoring", help="Monitoração: como estão os ambientes, e quanto puderam ser usados."
)
app.add_typer(billing.app, name="billing", help="Base do faturamento: o que cada prefeitura usou do seu plano.")
app.add_typer(board.app, name="board", help="Painel do programa: prefeituras, etapas, prazos, cópias e versões.")
app.add_typer(bench.app, name="bench", help="Medições, cada uma com sua razão e seu limite.")
app.command("demo")(setup.demo)
app.command("test", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(setup.test)
app.command("check")(setup.check)
app.command("deploy")(setup.deploy)
app.command("implant")(implantation.implant)
app.command("approve")(approval.approve)

if __name__ == "__main__":
    app(prog_name="./implanta")
