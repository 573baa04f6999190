"""Tickets that ask for data of a backup: taken out of it once, lent through the prefeitura's own bucket, taken back."""

import zipfile
from datetime import timedelta
from pathlib import Path

from blocks.catalog import Catalog
from blocks.held_directory import held_directory, sweep
from blocks.lent_objects import LentObjects
from blocks.packed_files import explaining_disk
from blocks.scratch_server import SCRATCH_PREFIX
from blocks.settings import load_settings
from domain.change import Change
from domain.consultation import PREFIX, Consultation, ConsultationRule, in_brasilia
from domain.environment import intake_bucket
from domain.errors import InvalidInputError
from domain.ticket import CopyRequest, Ticket, TicketKind
from tasks import clock, doors
from tasks.backup_export import Wanted, backup_for, export
from tasks.instance import Instance, load_instance
from tasks.maintenance import require_impersonal
from tasks.step import step
from tasks.support import Prepared
from tasks.ticket_record import ACCEPTED, ACTOR, PREPARED, events_of, load_request, record, require_ticket

LINKED = "support.linked"


@step("cópia para consulta do chamado")
def prepare_copy(ticket: Ticket) -> Prepared:
    """Put what a ticket asks of a proved backup into its prefeitura's bucket until a day, once for a ticket.

    What lies there is for whoever the programme's team gives a link: no identity but the programme's own reads that
    bucket, and nobody at a prefeitura has a key of the object storage.
    """
    instance = load_instance(ticket.environment)
    asked = load_request(ticket, instance.municipality)
    assert isinstance(asked, CopyRequest)  # noqa: S101  # of this kind
    rule = require_rule()
    lent = _lent(ticket, instance.municipality.ibge)
    if lent is None:
        wanted = Wanted(
            tables=asked.tabelas,
            process=asked.processo or None,
            at=in_brasilia(asked.momento) if asked.momento else None,
            with_keys=False,
        )
        try:
            backup_for(instance, wanted)
        except InvalidInputError as error:
            return _without_backup(error, asked, ticket)
        try:
            lent = _lend(instance, ticket, wanted, rule)
        except InvalidInputError as error:  # nothing of what was asked is in it
            return Prepared(refusals=(f"{error.what}.",))
        record(PREPARED, ticket, instance.municipality.ibge, lent=lent.model_dump(mode="json"))
    return Prepared(told=lent.told)


def _lent(ticket: Ticket, ibge: str) -> Consultation | None:
    told = [event.details["lent"] for event in events_of(ibge, ticket.id) if event.kind == PREPARED]
    return Consultation.model_validate(told[0]) if told else None


def _without_backup(error: InvalidInputError, asked: CopyRequest, ticket: Ticket) -> Prepared:
    if asked.momento is not None:  # no backup will ever be older
        return Prepared(refusals=(f"{error.what}.",))
    return Prepared(waiting_for=(f"{error.what} (./implanta backup now {ticket.environment}).",))


def _lend(instance: Instance, ticket: Ticket, wanted: Wanted, rule: ConsultationRule) -> Consultation:
    key = f"{PREFIX}{ticket.id}.zip"
    objects = _objects(ticket.municipality)
    lent = objects.find(key)  # of a run that was killed right after
    if lent is None:
        parent = load_settings().scratch_dir
        with explaining_disk(parent):
            parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Swept with the scratch servers, were this run to be killed.
        with held_directory(parent, SCRATCH_PREFIX) as home:
            content, archive = home / "consulta", home / "consulta.zip"
            export(instance, wanted, content, ACTOR, f"chamado {ticket.id}")
            _pack(content, archive)
            objects.store(key, archive, clock.now() + timedelta(days=rule.days))
        lent = objects.find(key)
        assert lent is not None  # noqa: S101  # the server confirmed it
    return lent


def _pack(directory: Path, archive: Path) -> None:
    with explaining_disk(archive.parent):
        archive.touch(mode=0o600)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(directory.rglob("*")):
                if path.is_file():
                    packed.write(path, path.relative_to(directory))


def _objects(municipality: str) -> LentObjects:
    return LentObjects(doors.object_storage(), intake_bucket(municipality), PREFIX)


def require_rule() -> ConsultationRule:
    """How consultations are lent. Raises InvalidInputError where they are not."""
    rule = Catalog().support().of(TicketKind.COPY)
    if rule is None or rule.consultation is None:
        raise InvalidInputError(
            "Cópias para consulta não são atendidas", "catalog/support.yaml", "Declare o tipo copia, se for o caso."
        )
    return rule.consultation


def link_of(municipality: str, number: str, role: str) -> tuple[Consultation, str, int]:
    """What a ticket lent, an address that opens it, and for how many minutes; who asked for it is remembered.

    Raises:
        InvalidInputError: the ticket lent nothing, or its time is over; or the role names a person.
    """
    require_impersonal(municipality, role)
    ticket, rule, now = require_ticket(municipality, number), require_rule(), clock.now()
    found = doors.registry().find_municipality(municipality)
    lent = _lent(ticket, found.ibge) if ticket.kind == TicketKind.COPY else None
    objects = _objects(found.slug)
    if lent is None or lent.until <= now or objects.find(lent.key) != lent:
        raise InvalidInputError(
            "O chamado não tem nada à disposição, ou o prazo acabou",
            f"chamado {ticket.id}",
            f"Veja a situação com ./implanta support show {municipality} {ticket.id}; vencido o prazo, abra outro.",
        )
    lasting = min(timedelta(minutes=rule.link_minutes), lent.until - now)
    doors.registry().record_event(
        LINKED,
        ibge=found.ibge,
        environment=ticket.environment,
        actor=role,
        details={"ticket": ticket.id, "minutes": int(lasting.total_seconds() // 60)},
    )
    return lent, objects.link(lent, lasting), int(lasting.total_seconds() // 60)


@step("consultas vencidas")
def drop_expired(municipality: str) -> Change:
    """Take back what a prefeitura was lent until now, every version of it."""
    return _objects(municipality).drop_expired(clock.now())


def borrowers() -> list[str]:
    """The municipalities that may ever have been lent anything, by slug.

    By the tickets that were accepted: a run that was killed right after it lent something told of nothing more.
    """
    told = doors.registry().events(kinds=[ACCEPTED])
    ibges = {event.ibge for event in told if event.details["kind"] == TicketKind.COPY}
    return [found.slug for found in doors.registry().list_municipalities() if found.ibge in ibges]


def sweep_scratch() -> int:
    """Remove what killed runs left on this machine; how many directories."""
    parent = load_settings().scratch_dir
    return sweep(parent, SCRATCH_PREFIX) if parent.is_dir() else 0
