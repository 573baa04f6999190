"""What there is: municipalities with their contacts and contracts, environments, references."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.change import Change
from domain.errors import IntegrityError, InvalidInputError
from domain.municipality import Contact, Municipality
from domain.plan import Plan
from registry.models import ContactRow, ContractRow, EnvironmentRow, MunicipalityRow, ReferenceRow
from registry.records import ContractRecord, EnvironmentRecord, ReferenceRecord


def ensure_municipality(session: Session, wanted: Municipality) -> Change:
    """Register a municipality, or bring its name, population and contacts up to date.

    Its slug names databases, buckets and directories, so it never changes. No contacts at all means that none were
    told, and leaves the registered ones; otherwise the list is the whole truth, each contact known by e-mail and role.
    """
    row = session.get(MunicipalityRow, wanted.ibge, with_for_update=True)
    if row is None:
        change = _insert_municipality(session, wanted)
    elif row.slug != wanted.slug:
        raise InvalidInputError(
            f"O código IBGE {wanted.ibge} já está registrado como '{row.slug}', não '{wanted.slug}'",
            "cadastro de municípios",
            "Confira o código e o nome: o apelido de um município não muda.",
        )
    else:
        change = _assign(row, {"name": wanted.name, "population": wanted.population})
    return change + _converge_contacts(session, wanted) if wanted.contacts else change


def find_municipality(session: Session, ref: str) -> Municipality:
    """The municipality of a slug or IBGE code."""
    query = select(MunicipalityRow).where((MunicipalityRow.ibge == ref) | (MunicipalityRow.slug == ref))
    # Both columns are ASCII: the server would refuse to compare any other text with them.
    row = session.scalar(query) if ref.isascii() else None
    if row is None:
        raise InvalidInputError(
            f"O município {ref!r} não está registrado",
            "cadastro de municípios",
            "Veja os registrados com ./implanta municipality list, ou registre-o com ./implanta municipality add.",
        )
    contacts = session.scalars(select(ContactRow).where(ContactRow.ibge == row.ibge).order_by(ContactRow.id))
    return _municipality(row, list(contacts))


def list_municipalities(session: Session) -> list[Municipality]:
    """Every municipality, by name."""
    contacts: dict[str, list[ContactRow]] = {}
    for contact in session.scalars(select(ContactRow).order_by(ContactRow.id)):
        contacts.setdefault(contact.ibge, []).append(contact)
    rows = session.scalars(select(MunicipalityRow).order_by(MunicipalityRow.name, MunicipalityRow.uf))
    return [_municipality(row, contacts.get(row.ibge, [])) for row in rows]


def ensure_contract(session: Session, ibge: str, plan: Plan, now: datetime) -> Change:
    """Add the plan to the municipality's history, unless it is the one in force."""
    # Held until the commit, so that two runs do not both add the same plan.
    if session.get(MunicipalityRow, ibge, with_for_update=True) is None:
        raise InvalidInputError(
            f"O município {ibge} não está registrado", "contratos", "Registre-o com ./implanta municipality add."
        )
    current = newest_contract(session, ibge)
    if current is not None and current.plan == plan:
        return Change(unchanged=1)
    session.add(ContractRow(ibge=ibge, created_at=now, **plan.model_dump()))
    return Change(created=1)


def newest_contract(session: Session, ibge: str) -> ContractRecord | None:
    """The plan in force, or None before the first contract."""
    row = session.scalar(select(ContractRow).where(ContractRow.ibge == ibge).order_by(ContractRow.id.desc()).limit(1))
    return None if row is None else _contract(row)


def list_contracts(session: Session) -> dict[str, ContractRecord]:
    """The plan in force of every municipality that has one, by IBGE code."""
    newest = select(func.max(ContractRow.id)).group_by(ContractRow.ibge).scalar_subquery()
    return {row.ibge: _contract(row) for row in session.scalars(select(ContractRow).where(ContractRow.id.in_(newest)))}


def _contract(row: ContractRow) -> ContractRecord:
    plan = Plan(faixa=row.faixa, users=row.users, concurrent_users=row.concurrent_users, negotiated=row.negotiated)
    return ContractRecord(plan=plan, created_at=row.created_at)


def ensure_environment(session: Session, wanted: EnvironmentRecord, now: datetime) -> Change:
    """Register an environment, or bring its addresses up to date.

    Once proved against a reference it keeps release and digest; a wanted digest of None leaves the registered one.
    """
    row = session.get(EnvironmentRow, wanted.slug, with_for_update=True)
    facts = wanted.model_dump(exclude={"created_at"}) | {"purpose": wanted.purpose.value}
    if row is None:
        session.add(EnvironmentRow(created_at=now, **facts))
        return Change(created=1)
    if (row.ibge, row.purpose) != (wanted.ibge, wanted.purpose.value):
        raise InvalidInputError(
            f"O ambiente '{wanted.slug}' já está registrado para o município {row.ibge}, de {row.purpose}",
            "cadastro de ambientes",
            "Confira o município e a finalidade.",
        )
    if row.reference_digest is not None:
        _refuse_another_release(row, wanted)
        facts["reference_digest"] = row.reference_digest
    return _assign(row, facts)


def move_release(session: Session, slug: str, release_version: str, reference_digest: str) -> Change:
    """Let an environment that was proved against one release be one of another, which it was proved against now."""
    row = session.get(EnvironmentRow, slug, with_for_update=True)
    if row is None or row.reference_digest is None:
        raise InvalidInputError(
            f"O ambiente {slug!r} não está pronto em versão nenhuma", "cadastro de ambientes", "Crie-o antes."
        )
    return _assign(row, {"release_version": release_version, "reference_digest": reference_digest})


def find_environment(session: Session, slug: str) -> EnvironmentRecord:
    """The environment of a slug."""
    row = session.get(EnvironmentRow, slug) if slug.isascii() else None
    if row is None:
        raise InvalidInputError(
            f"O ambiente {slug!r} não está registrado",
            "cadastro de ambientes",
            "Veja os registrados com ./implanta environment list.",
        )
    return _environment(row)


def list_environments(session: Session, ibge: str | None) -> list[EnvironmentRecord]:
    """The environments, of one municipality or of all, by slug."""
    query = select(EnvironmentRow).order_by(EnvironmentRow.slug)
    if ibge is not None:
        query = query.where(EnvironmentRow.ibge == ibge)
    return [_environment(row) for row in session.scalars(query)]


def save_reference(session: Session, wanted: ReferenceRecord, now: datetime) -> Change:
    """Remember a reference by its digest.

    A fingerprint read anew replaces the old one: the same dumps look different to a newer server, or to a newer
    reading of `information_schema`. Version and kind are the dumps' own and can never differ.
    """
    row = session.get(ReferenceRow, wanted.digest, with_for_update=True)
    if row is None:
        session.add(ReferenceRow(created_at=now, **_reference_facts(wanted)))
        return Change(created=1)
    saved = _reference(row)
    if (saved.version, saved.kind) != (wanted.version, wanted.kind):
        raise IntegrityError(
            f"A referência {wanted.digest[:12]} está registrada como {saved.version} ({saved.kind}), "
            f"não {wanted.version} ({wanted.kind})",
            "cadastro de referências",
            "Confira os arquivos da referência antes de criar qualquer ambiente com ela.",
        )
    # Compared as values, not as JSON: the sets of keys inside have no order.
    return Change(unchanged=1) if saved == wanted else _assign(row, _reference_facts(wanted))


def find_reference(session: Session, digest: str) -> ReferenceRecord | None:
    """The reference of a digest, or None."""
    row = session.get(ReferenceRow, digest)
    return None if row is None else _reference(row)


def _insert_municipality(session: Session, wanted: Municipality) -> Change:
    namesake = session.scalar(select(MunicipalityRow).where(MunicipalityRow.slug == wanted.slug))
    # The same municipality by now: another run was first, which the key tells when this one is inserted.
    if namesake is not None and namesake.ibge != wanted.ibge:
        raise InvalidInputError(
            f"O apelido '{wanted.slug}' já é do município {namesake.ibge} ({namesake.name}/{namesake.uf})",
            "cadastro de municípios",
            "Confira o código IBGE e o nome.",
        )
    session.add(MunicipalityRow(**wanted.model_dump(exclude={"contacts"})))
    session.flush()  # the contacts refer to it
    return Change(created=1)


def _converge_contacts(session: Session, wanted: Municipality) -> Change:
    rows = session.scalars(select(ContactRow).where(ContactRow.ibge == wanted.ibge))
    registered = {(row.email.casefold(), row.role): row for row in rows}
    declared = {(contact.email.casefold(), contact.role): contact for contact in wanted.contacts}
    change = Change()
    for identity, contact in declared.items():
        row = registered.pop(identity, None)
        if row is None:
            session.add(ContactRow(ibge=wanted.ibge, **contact.model_dump()))
            change += Change(created=1)
        else:
            change += _assign(row, contact.model_dump())
    for row in registered.values():
        session.delete(row)
    return change + Change(removed=len(registered))


def _assign(row: MunicipalityRow | ContactRow | EnvironmentRow | ReferenceRow, facts: dict[str, object]) -> Change:
    different = {name: value for name, value in facts.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    return Change(updated=1) if different else Change(unchanged=1)


def _refuse_another_release(row: EnvironmentRow, wanted: EnvironmentRecord) -> None:
    if row.release_version == wanted.release_version and wanted.reference_digest in {None, row.reference_digest}:
        return
    raise InvalidInputError(
        f"O ambiente está pronto na versão {row.release_version} (referência {str(row.reference_digest)[:12]}) "
        f"e não passa sozinho para a versão {wanted.release_version} "
        f"(referência {(wanted.reference_digest or 'não informada')[:12]})",
        f"ambiente {row.slug}",
        "A versão de um ambiente pronto só muda por uma atualização: ./implanta upgrade.",
    )


def _municipality(row: MunicipalityRow, contacts: list[ContactRow]) -> Municipality:
    return Municipality(
        ibge=row.ibge,
        name=row.name,
        uf=row.uf,
        slug=row.slug,
        population=row.population,
        contacts=tuple(Contact(name=contact.name, email=contact.email, role=contact.role) for contact in contacts),
    )


def _environment(row: EnvironmentRow) -> EnvironmentRecord:
    return EnvironmentRecord.model_validate({name: getattr(row, name) for name in EnvironmentRecord.model_fields})


def _reference_facts(record: ReferenceRecord) -> dict[str, object]:
    facts = record.model_dump(mode="json")
    facts["reference_rows"] = facts.pop("rows")
    return facts


def _reference(row: ReferenceRow) -> ReferenceRecord:
    return ReferenceRecord.model_validate(
        {
            "digest": row.digest,
            "version": row.version,
            "kind": row.kind,
            "sei_fingerprint": row.sei_fingerprint,
            "sip_fingerprint": row.sip_fingerprint,
            "rows": row.reference_rows,
        }
    )
