"""A campaign on the board: what its events say of each environment and wave, whatever their order of names."""

from datetime import UTC, datetime, timedelta

import pytest

from bench.board_campaign import campaign_rows
from domain.board.campaign import STORY_LENGTH, UnitState, campaign_board
from domain.board.tables import campaign_table
from domain.campaign.history import Appointment, CampaignEvent, CampaignHappening, Outcome
from domain.errors import IntegrityError

NOW = datetime(2027, 3, 10, 15, tzinfo=UTC)
MEMBERS = ("ativo-producao", "falho-producao", "fora-producao", "novo-producao", "pronto-producao")
NAMES = {slug: (slug.split("-")[0], slug.split("-")[0].title()) for slug in MEMBERS}


def tell(kind: CampaignEvent, day: int, **told: object) -> CampaignHappening:
    return CampaignHappening.model_validate({"kind": kind, "at": NOW + timedelta(days=day), **told})


def turn(slug: str, wave: int, day: int) -> Appointment:
    night = NOW.date() + timedelta(days=day)
    return Appointment(environment=slug, wave=wave, night=night, first_minute=540, minutes=30)


def history() -> list[CampaignHappening]:
    turns = (turn("pronto-producao", 2, 1), turn("falho-producao", 2, 2), turn("ativo-producao", 3, 6))
    return [
        tell(CampaignEvent.OPENED, 0, release="4.1.0", environments=MEMBERS),
        tell(CampaignEvent.PLANNED, 0, appointments=turns, reason="não se mostra"),
        tell(CampaignEvent.LEFT, 0, environments=("fora-producao",), reason="Sistema próprio"),
        tell(CampaignEvent.WAVE_BEGUN, 1, wave=2),
        *(
            tell(
                CampaignEvent.UNIT_FINISHED,
                2,
                environments=(f"{slug}-producao",),
                outcome=outcome,
                minutes=11.6,
                **more,
            )
            for slug, outcome, more in (
                ("pronto", Outcome.UPGRADED, {}),
                ("falho", Outcome.FAILED, {"signature": "erro-1062"}),
            )
        ),
        tell(CampaignEvent.POSTPONED, 5, environments=("ativo-producao",), reason="cópia atrasada"),
    ]


def test_each_environment_stands_as_its_events_say_and_who_failed_comes_first() -> None:
    board = campaign_board("4.1.0", history(), NAMES)
    assert [(unit.name, unit.state, unit.wave, unit.minutes, unit.reason) for unit in board.units] == [
        ("Falho", UnitState.FAILED, "canários", 12, "erro-1062"),
        ("Fora", UnitState.OUT, "", None, "Sistema próprio"),
        ("Novo", UnitState.UNPLANNED, "", None, ""),
        ("Ativo", UnitState.APPOINTED, "onda 1", 30, "perdeu a vez em 16/03/2027"),
        ("Pronto", UnitState.UPGRADED, "canários", 12, ""),
    ]
    assert board.status == "aberta"
    assert board.counts == tuple((state, 1) for state in UnitState)
    assert board.last_night == (NOW + timedelta(days=6)).date()


def test_waves_count_who_is_in_them_and_say_how_far_they_are() -> None:
    waves = campaign_board("4.1.0", history(), NAMES).waves
    assert [(wave.title, wave.units, wave.upgraded, wave.failed, wave.standing) for wave in waves] == [
        ("canários", 2, 1, 1, "em andamento ou em observação"),
        ("onda 1", 1, 0, 0, "marcada"),
    ]


def test_the_story_is_told_newest_first_without_marks_and_not_for_ever() -> None:
    long = [*history(), *(tell(CampaignEvent.PAUSED if n % 2 else CampaignEvent.RESUMED, 7) for n in range(1, 90))]
    assert len(campaign_board("4.1.0", long, NAMES).story) == STORY_LENGTH
    story = campaign_board("4.1.0", history(), NAMES).story
    assert story[0].text == "ativo-producao: adiado"
    assert story[0].reason == "cópia atrasada"
    assert "falho-producao: falhou e voltou ao que era (erro-1062)" in [one.text for one in story]
    assert all("não se mostra" not in one.reason for one in story)


def test_a_campaign_without_its_opening_is_none() -> None:
    with pytest.raises(IntegrityError, match="não começa pela abertura"):
        campaign_board("4.1.0", history()[1:], NAMES)


def test_the_table_is_of_the_last_campaign_and_empty_without_one() -> None:
    assert campaign_table(()).rows == ()
    board = campaign_board("4.1.0", history(), NAMES)
    rows = campaign_table((board, campaign_board("4.0.0", history(), NAMES))).rows
    assert next(row[:4] for row in rows) == ("4.1.0", "falho-producao", "Falho", "falhou e voltou ao que era")
    assert len(rows) == len(MEMBERS)


def test_the_synthetic_campaign_is_one_that_could_have_happened() -> None:
    fleet = [{"slug": f"p{n:03}-producao", "release_version": "4.1.0" if n % 3 else "4.0.0"} for n in range(120)]
    told = [
        CampaignHappening.model_validate({"kind": row["kind"], "at": row["occurred_at"], **row["details"]})
        for row in campaign_rows(fleet, NOW)
    ]
    board = campaign_board("4.1.0", told, {})
    assert dict(board.counts) == {
        UnitState.FAILED: 1,
        UnitState.OUT: 1,
        UnitState.APPOINTED: 39,
        UnitState.UPGRADED: 79,
    }
    assert campaign_rows([], NOW) == []
