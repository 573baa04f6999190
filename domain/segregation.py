"""Whether one prefeitura can reach what is another's: what was tried, and what it met."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from pydantic import Field

from domain.errors import IntegrityError, RetryableError
from domain.model import Frozen
from domain.report import sort_results


class Way(StrEnum):
    """A way in by which one tenant could reach another."""

    SQL = "sql"
    LDAP = "ldap"
    S3 = "s3"
    HTTP = "http"
    FILES = "files"
    WAF = "waf"

    @property
    def label(self) -> str:
        """The way as operators read it."""
        return {"sql": "SQL", "ldap": "LDAP", "s3": "S3", "http": "HTTP", "files": "arquivos", "waf": "WAF"}[self.value]


class ProbeResult(Frozen):
    """One attempt. A `control` is tried on the tenant's own things and must get through, or refusals prove nothing."""

    way: Way
    title: str = Field(min_length=1, description="What was tried, in Portuguese, without personal data.")
    got_through: bool
    evidence: str = Field(min_length=1, description="What the system answered.")
    control: bool = False

    @property
    def as_expected(self) -> bool:
        """A probe is refused, a control gets through."""
        return self.got_through == self.control

    @property
    def label(self) -> str:
        """The outcome as operators read it."""
        if self.control:
            return "controle ok" if self.got_through else "CONTROLE FALHOU"
        return "ABERTO" if self.got_through else "recusado"


class SegregationReport(Frozen):
    """Everything that one environment tried on a neighbour; without a neighbour, on what is nobody's."""

    environment: str
    neighbour: str | None
    results: tuple[ProbeResult, ...]

    @property
    def open_doors(self) -> tuple[ProbeResult, ...]:
        """What should have been refused and was not."""
        return tuple(result for result in self.results if not result.control and not result.as_expected)

    @property
    def failed_controls(self) -> tuple[ProbeResult, ...]:
        """Ways by which the environment does not even reach its own things: their refusals prove nothing."""
        return tuple(result for result in self.results if result.control and not result.as_expected)

    @property
    def refused(self) -> int:
        """How many attempts were refused, as they should be."""
        return sum(not result.control and result.as_expected for result in self.results)

    def problems(self) -> list[str]:
        """In Portuguese, why this is no proof; empty when it is one."""
        doors = [f"{self.environment} alcança {_whose(self)}: {_told(result)}" for result in self.open_doors]
        controls = [f"o controle falhou e a recusa nada prova: {_told(result)}" for result in self.failed_controls]
        return doors + controls

    def facts(self) -> tuple[str, ...]:
        """One sentence a way, for the report of a stage."""
        where = f"a {self.neighbour}" if self.neighbour else "ao que não é de ninguém (ainda não há outro ambiente)"
        counts = _count_by_way(result.way for result in self.results if not result.control)
        ways = ", ".join(f"{way.label} {count}" for way, count in counts.items())
        return (f"{self.refused} de {sum(counts.values())} tentativas de acesso {where} recusadas ({ways}).",)


def choose_neighbours(environments: Iterable[str]) -> dict[str, str | None]:
    """Whom each environment tries to reach tonight: the next in a ring, of another municipality where there is one.

    Each is then an attacker once, and as a rule a victim once.
    """
    ring = sorted(environments)
    return {slug: _next_in(ring, at) for at, slug in enumerate(ring)}


def _next_in(ring: list[str], at: int) -> str | None:
    others = [*ring[at + 1 :], *ring[:at]]
    stranger = next((slug for slug in others if slug.rpartition("-")[0] != ring[at].rpartition("-")[0]), None)
    return stranger or next(iter(others), None)


def _whose(report: SegregationReport) -> str:
    return report.neighbour or "o que não é seu"


def _told(result: ProbeResult) -> str:
    return f"{result.way.label}, {result.title} ({result.evidence})"


def _count_by_way(ways: Iterable[Way]) -> dict[Way, int]:
    counts: dict[Way, int] = {}
    for way in ways:
        counts[way] = counts.get(way, 0) + 1
    return counts


class FleetSegregation(Frozen):
    """One night's attempts of the whole fleet."""

    reports: tuple[SegregationReport, ...]
    failures: dict[str, str] = Field(default_factory=dict, description="Environment to why it could not be probed.")

    @classmethod
    def of(cls, results: Mapping[str, object]) -> "FleetSegregation":
        """Sort what came of each environment: a report, or the error for which there is none."""
        reports, failures = sort_results(results, SegregationReport)
        return cls(reports=reports, failures=failures)

    def problems(self) -> list[str]:
        """One sentence a door that is open, a control that failed or an environment that could not be probed."""
        found = [problem for report in self.reports for problem in report.problems()]
        return found + [f"{slug} não foi sondado: {why}" for slug, why in self.failures.items()]

    def raise_if_any_failed(self) -> None:
        """Raise IntegrityError for anything but a refusal, RetryableError when somebody only could not be asked."""
        problems = self.problems()
        if not problems:
            return
        kind = IntegrityError if len(problems) > len(self.failures) else RetryableError
        more = f" e mais {len(problems) - 1}" if len(problems) > 1 else ""
        raise kind(
            f"A segregação da frota não está provada: {problems[0]}{more}",
            "segregação",
            "Veja o artefato da execução; feche a porta aberta com ./implanta environment apply no ambiente citado.",
        )
