"""The state's own SEI, where it is operated elsewhere: what it published, and what it has."""

from datetime import date

from prefect.runtime import flow_run

from blocks.catalog import Catalog
from domain.campaign.rows import markdown
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import GateClosedError, InvalidInputError
from domain.model import Frozen
from tasks import clock, doors
from tasks.campaign_decisions import plan_before
from tasks.campaign_facts import find_release
from tasks.inspection import publish_markdown
from tasks.instance import environments_in_use
from tasks.step import step


class ReleaseOutlook(Frozen):
    """Whom a release would reach, or what has to be done before that can be said."""

    release: str
    environments: int = 0
    waiting_for: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """In a line, as operators read it."""
        plan = f"{self.environments} ambientes a receberiam; comece com ./implanta upgrade start {self.release}"
        return " ".join(self.waiting_for) or plan


@step("versão recebida pelo estado")
def record_received(release: str, ready_on: date) -> Change:
    """Remember that the state's SEI has a release, from which day on the wait of its complexity counts.

    Raises:
        InvalidInputError: the catalog does not know the release; the day is to come, or another than was told before;
            or the state's environments are operated from here, where what they have is seen in them.
    """
    find_release(release)
    if ready_on > clock.today():
        raise InvalidInputError(
            f"O dia {ready_on:%d/%m/%Y} ainda não chegou", f"versão {release}", "Avise quando ela estiver pronta."
        )
    own = Catalog().campaigns().state.municipalities
    if any(EnvironmentName.parse(record.slug).municipality in own for record in environments_in_use()):
        raise InvalidInputError(
            "Os ambientes do estado são operados daqui: o que têm se lê neles",
            f"versão {release}",
            "Retire municipios de catalog/campaigns.yaml, ou desligue esta origem em catalog/webhooks.yaml.",
        )
    return doors.registry().record_state_release(release, ready_on, flow_run_id=flow_run.id)


@step("plano da versão")
def publish_outlook(release: str) -> ReleaseOutlook:
    """Publish the plan of a release as it would be if a campaign began today; nobody begins one but a person."""
    key, title = f"plano-da-versao-{release}", f"Versão {release}: quem a receberia"
    try:
        view = plan_before(release)
    except (InvalidInputError, GateClosedError) as error:
        found = ReleaseOutlook(release=release, waiting_for=(str(error),))
        publish_markdown(key, [f"# {title}", "", f"**Aguardando:** {error}"], title)
        return found
    publish_markdown(key, markdown(view.plan, view.facts), title)
    return ReleaseOutlook(release=release, environments=len(view.plan.units))
