"""When a certificate is replaced and when its owner is warned, and the report of a night's look at the whole fleet."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Self

from pydantic import AwareDatetime

from domain.calendar import local_day
from domain.certificate import SOURCE_LABELS, Certificate, CertificateRule, Source, Verdict, needs_renewal
from domain.change import Change
from domain.errors import exit_code_of, kind_of, told
from domain.model import Frozen
from domain.report import table_cell

CERTIFICATE_ISSUED = "certificate.issued"
"""The registry's event of a new certificate: its fingerprint, its end and its source."""

_FLEET_FIX = "O motivo de cada um está na tabela da execução, no Prefect. Corrija e execute a renovação de novo."


def reason_to_replace(source: Source, verdict: Verdict, *, now: datetime, rule: CertificateRule) -> str | None:
    """Why to issue another certificate in the place of this one; None when it stays.

    What the prefeitura brought is its own decision: it stays, whatever is wrong with it, until it has expired.
    """
    certificate = verdict.certificate
    if certificate is None:
        return str(verdict)
    day = f"{local_day(certificate.not_after):%d/%m/%Y}"
    if source == "brought":
        return f"o que a prefeitura trouxe venceu em {day}" if now > certificate.not_after else None
    if verdict.problems:
        return str(verdict)
    return f"vence em {day}" if needs_renewal(certificate, now, rule.renewal_margin) else None


def certificate_warnings(
    environment: str, source: Source, verdict: Verdict, *, now: datetime, rule: CertificateRule
) -> tuple[str, ...]:
    """What the prefeitura has to be told of a certificate that it brought; nothing about the ones that we renew."""
    return tuple(_warnings(environment, verdict, now=now, rule=rule)) if source == "brought" else ()


def _warnings(environment: str, verdict: Verdict, *, now: datetime, rule: CertificateRule) -> Iterator[str]:
    if verdict.problems:
        yield f"ATENÇÃO: o certificado trazido pela prefeitura tem problemas: {verdict}"
    if verdict.certificate is not None and needs_renewal(verdict.certificate, now, rule.warning_margin):
        yield (
            f"ATENÇÃO: o certificado trazido pela prefeitura vence em {verdict.certificate.days_left(now)} dias: peça "
            f"o novo e instale-o com ./implanta environment certificate {environment} --file ARQUIVO"
        )


class Renewal(Frozen):
    """One environment: the certificate it now has, and what changed."""

    environment: str
    source: Source
    certificate: Certificate
    change: Change
    warnings: tuple[str, ...] = ()


class Failure(Frozen):
    """One environment whose certificate could not be looked after, and why."""

    environment: str
    reason: str


class RenewalReport(Frozen):
    """The whole fleet, in the order in which it was asked for."""

    taken_at: AwareDatetime
    renewals: tuple[Renewal, ...] = ()
    failures: tuple[Failure, ...] = ()
    worst_exit_code: int = 0

    @classmethod
    def of(cls, results: Mapping[str, Renewal | BaseException], now: datetime) -> Self:
        """Sort what each environment's step gave: its renewal, or the error with which it failed."""
        errors = {name: result for name, result in results.items() if isinstance(result, BaseException)}
        return cls(
            taken_at=now,
            renewals=tuple(result for result in results.values() if isinstance(result, Renewal)),
            failures=tuple(Failure(environment=name, reason=told(error)) for name, error in errors.items()),
            worst_exit_code=max(map(exit_code_of, errors.values()), default=0),
        )

    def markdown(self) -> str:
        """The table that operators read: failures first, then what ends soonest."""
        lines = [
            f"# Certificados em {local_day(self.taken_at):%d/%m/%Y}",
            "",
            f"{len(self.renewals)} ambientes em ordem, {len(self.failures)} com falha.",
            "",
            "| Ambiente | Vence em | Dias | Origem | O que foi feito |",
            "|---|---|---|---|---|",
        ]
        lines += [f"| {one.environment} | – | – | – | **falhou**: {table_cell(one.reason)} |" for one in self.failures]
        lines += [
            f"| {one.environment} | {local_day(one.certificate.not_after):%d/%m/%Y} "
            f"| {one.certificate.days_left(self.taken_at)} | {SOURCE_LABELS[one.source]} "
            f"| {table_cell('; '.join([*one.change.details, *one.warnings]) or 'nada: em dia')} |"
            for one in sorted(self.renewals, key=lambda one: one.certificate.not_after)
        ]
        return "\n".join(lines)

    def raise_if_any_failed(self) -> None:
        """Fail the run as its worst environment failed, naming all of them.

        Raises:
            ImplantaError: of the kind with the highest exit code.
        """
        if not self.failures:
            return
        total = len(self.failures) + len(self.renewals)
        raise kind_of(self.worst_exit_code)(
            f"{len(self.failures)} de {total} ambientes ficaram sem renovação de certificado",
            ", ".join(failure.environment for failure in self.failures),
            _FLEET_FIX,
        )
