"""A plan as operators read it names everybody once, in order of time, with moments of Brasília."""

from datetime import datetime

from hypothesis import given, settings

from domain.campaign.facts import CampaignFacts
from domain.campaign.plan import plan
from domain.campaign.rows import markdown, rows_of
from tests.domain.campaign.fleets import MONDAY, RULES, STATE, fleets, make_environment, make_facts, opened


@settings(deadline=None, max_examples=20)
@given(fleets())
def test_everybody_has_one_row_in_order_of_time(facts: CampaignFacts) -> None:
    found = plan(opened(facts), facts, RULES, MONDAY)
    rows = rows_of(found, facts)
    assert [row.environment for row in rows] == [unit.environment for unit in found.units]
    begins = [datetime.strptime(row.begins, "%d/%m/%Y %H:%M") for row in rows]  # noqa: DTZ007  # only compared
    assert begins == sorted(begins)
    shown = markdown(found, facts)
    for environment in facts.environments:
        assert sum(f" {environment.slug} |" in line for line in shown) == 1


def test_a_report_tells_the_night_the_wave_and_the_reasons() -> None:
    facts = make_facts(*STATE, make_environment("lavras"), make_environment("unai", rehearsal=None))
    shown = markdown(plan(opened(facts), facts, RULES, MONDAY), facts)
    assert shown[0] == "# Campanha da versão 4.1.2"
    assert shown[2] == "Campanha aberta. **0 atualizados, 3 marcados, 1 de fora**; previsão do fim: 05/03/2027."
    assert shown[6] == (
        "| ambientes do estado | estado-homologacao | db1 | 01/03/2027 22:00 | 01/03/2027 23:15 | 75 | marcado"
        " | ambiente do estado: vai primeiro |"
    )
    assert "| unai-producao | a atualização não foi ensaiada em uma cópia sua |" in shown
