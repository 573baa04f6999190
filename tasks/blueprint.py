"""What an environment is meant to be, and why: its names, its size, its place."""

from domain.environment import EnvironmentName
from tasks import doors
from tasks.capacity import place, size_for
from tasks.step import step


@step("descrição do ambiente")
def describe_environment(environment: str) -> tuple[str, ...]:
    """Addresses, limits and database server, one Portuguese sentence each; nothing needs to exist yet."""
    name = EnvironmentName.parse(environment)
    placement = place(name)
    begun = "existe" if is_begun(environment) else "será criado"
    return (
        f"{name.label} {begun}: {doors.edge().url(name)}/sei, bancos {name.database_sei} e {name.database_sip},"
        f" balde {name.bucket}, árvore {doors.directory().environment_dn(name)}.",
        *(f"Colocação: {reason}" for reason in placement.reasons),
        *size_for(name).reasons,
    )


def is_begun(environment: str) -> bool:
    """Whether the environment is in the registry and its databases were loaded."""
    name = EnvironmentName.parse(environment)
    ibge = doors.registry().find_municipality(name.municipality).ibge
    records = doors.registry().list_environments(ibge)
    return any(record.slug == environment and record.reference_digest is not None for record in records)
