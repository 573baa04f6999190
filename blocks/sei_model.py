"""The document model of one environment: what its SEI and SIP have, and bringing them to what the catalog declares."""

from collections.abc import Mapping
from dataclasses import dataclass

from blocks.mariadb import MariaDBServer
from blocks.model_files import refusal
from blocks.model_reader import SeiContents, read_sei
from blocks.model_writer import write_sei
from blocks.sip_profiles import SipContents, read_profiles, write_profiles
from domain.document_model.kinds import PERFIS
from domain.document_model.model import Key, Model, ModelProblems
from domain.document_model.plan import Applied, ModelPlan, plan_model, retired_keys
from domain.document_model.resolve import Instance, resolve
from domain.environment import EnvironmentName
from domain.inspection import require_same_plan


@dataclass(frozen=True)
class Outcome:
    """What was planned, the model as this instance must have it, and what the instance had before."""

    plan: ModelPlan
    wanted: Model
    instance: Instance


class SeiModel:
    """What an environment's SEI offers people to work with."""

    def __init__(self, server: MariaDBServer, environment: EnvironmentName) -> None:
        self._server = server
        self._environment = environment

    def read(self) -> Instance:
        """Every entry that the instance has, and what it is besides."""
        with (
            self._server.transaction(self._environment.database_sei) as sei,
            self._server.transaction(self._environment.database_sip) as sip,
        ):
            return _instance(read_sei(sei), read_profiles(sip))

    def plan(self, model: Model, applied: Applied, known_before: Mapping[str, frozenset[Key]]) -> Outcome:
        """What `apply` would change now.

        Raises:
            InvalidInputError: the model cannot be applied to this instance; each reason has its file and line.
        """
        return self._plan(model, self.read(), applied, known_before)

    def apply(
        self, model: Model, applied: Applied, known_before: Mapping[str, frozenset[Key]], *, digest: str | None = None
    ) -> Outcome:
        """Bring both databases to the model, each in one transaction: all of it or nothing.

        `digest` is that of a plan that was shown: any other plan is then refused.

        Raises:
            InvalidInputError: the model cannot be applied to this instance, or that is no code; nothing was written.
            GateClosedError: the plan is not the one that was shown; nothing was written.
        """
        slug = self._environment.slug
        with (
            self._server.transaction(self._environment.database_sei) as sei,
            self._server.transaction(self._environment.database_sip) as sip,
        ):
            contents, profiles = read_sei(sei, lock=True), read_profiles(sip, lock=True)
            outcome = self._plan(model, _instance(contents, profiles), applied, known_before)
            if digest is not None:
                now = outcome.plan.digest if outcome.plan.pending else None
                require_same_plan(digest, now, slug, f"./implanta seed plan {slug}")
            write_sei(sei, outcome.plan, contents)
            write_profiles(sip, [step for step in outcome.plan.pending if step.kind is PERFIS], profiles)
        return outcome

    def _plan(
        self, model: Model, instance: Instance, applied: Applied, known_before: Mapping[str, frozenset[Key]]
    ) -> Outcome:
        try:
            wanted = resolve(model, instance, retired_keys(model, applied, known_before))
        except ModelProblems as error:
            raise refusal(error.problems, self._environment.slug) from error
        return Outcome(plan_model(wanted, instance.current, applied, known_before), wanted, instance)


def _instance(sei: SeiContents, sip: SipContents) -> Instance:
    return Instance(
        current=sei.current | {PERFIS.name: sip.profiles},
        units=sei.units,
        inactive_units=sei.inactive_units,
        lengths=sei.lengths,
        missing=sei.missing | {PERFIS.name: sip.missing},
        rights=frozenset(sip.rights),
        menu_right=sip.menu_right,
        has_processes=sei.has_processes,
        reserved=sei.reserved,
    )
