"""What the Prefect UI shows of a campaign: its plan, its picture, and the story of the night."""

import base64
from datetime import timedelta

from prefect.artifacts import create_image_artifact
from slugify import slugify

from blocks.campaign_picture import draw_waves
from blocks.settings import load_settings
from domain.campaign.facts import moment_of, night_of
from domain.campaign.night import CampaignNight
from domain.campaign.rows import markdown
from domain.campaign.story import story
from tasks import clock
from tasks.campaign import Night
from tasks.campaign_log import Campaign
from tasks.inspection import publish_markdown
from tasks.prefect_errors import explaining_prefect
from tasks.step import step

_TWO_DAYS = timedelta(days=2)


@step("resultado da campanha")
def publish_campaign(campaign: str, report: CampaignNight) -> None:
    """Publish the plan as it is now, its picture, and what happened since the night before."""
    night = Night(Campaign(campaign))
    view, today = night.view(), night_of(clock.now())
    key, title = slugify(f"campanha {campaign}"), f"Campanha {campaign}"
    since = moment_of(today, 0) - _TWO_DAYS
    told = [f"# {title}: noite de {today:%d/%m/%Y}", "", *report.markdown(), "", *story(night.campaign.lines, since)]
    publish_markdown(f"{key}-noite", told, f"{title}: noite de {today:%d/%m/%Y}")
    publish_markdown(key, markdown(view.plan, view.facts), title)
    publish_picture(f"{key}-figura", draw_waves(view.plan, view.facts.calendar), f"{title}: ondas")


def publish_picture(key: str, png: bytes, description: str) -> None:
    """Publish a picture inside of its own address: no other server has to keep it."""
    address = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    with explaining_prefect(load_settings().prefect_api_url):
        create_image_artifact(image_url=address, key=slugify(key), description=description)
