"""The picture of a campaign's waves: one row each, darker as it is done, and whole also where nobody goes."""

from io import BytesIO

import numpy as np
from PIL import Image

from blocks.campaign_picture import draw_waves
from domain.campaign.history import CampaignState
from domain.campaign.plan import plan
from tests.domain.campaign.campaigns import CALENDAR, MONDAY, RULES, STATE, agreed, finished, make_facts, opened, towns

FACTS = make_facts(STATE, *towns(30))
DONE = (27, 94, 32)
PLANNED = (91, 141, 184)


def picture(state: CampaignState) -> bytes:
    return draw_waves(plan(state, FACTS, RULES, MONDAY), CALENDAR)


def dots(png: bytes, colour: tuple[int, int, int]) -> int:
    pixels = np.asarray(Image.open(BytesIO(png)).convert("RGB"))
    return int((pixels == colour).all(axis=2).sum())


def test_one_plan_gives_one_picture() -> None:
    assert picture(opened(FACTS)) == picture(opened(FACTS))


def test_each_wave_has_a_row() -> None:
    few = make_facts(STATE, *towns(2))
    small = Image.open(BytesIO(draw_waves(plan(opened(few), few, RULES, MONDAY), CALENDAR)))
    large = Image.open(BytesIO(picture(opened(FACTS))))
    assert large.height > small.height
    assert large.width == small.width


def test_what_is_done_turns_dark() -> None:
    state = opened(FACTS)
    before = picture(state)
    first = plan(state, FACTS, RULES, MONDAY)
    after = picture(finished(agreed(state, first), first.waves[0].units))
    assert dots(before, DONE) == 0 < dots(after, DONE)
    assert dots(after, PLANNED) < dots(before, PLANNED)


def test_a_plan_of_nobody_is_drawn_too() -> None:
    nobody = make_facts()
    assert draw_waves(plan(opened(nobody), nobody, RULES, MONDAY), CALENDAR).startswith(b"\x89PNG")
