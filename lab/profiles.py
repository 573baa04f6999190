"""Which servers a lab has: everything on one machine as small as it can be, or Prefect in parts."""

from collections.abc import Iterable
from typing import get_args

from domain.errors import InvalidInputError
from lab.dns import Dns
from lab.edge import Edge
from lab.gateway import Gateway
from lab.layout import Layout
from lab.ldap import Ldap
from lab.mariadb import MariaDB, SecondMariaDB
from lab.moodle import MoodleStandIn
from lab.painel import Painel
from lab.porta import Porta
from lab.prefect_server import PrefectServer
from lab.record import ProfileName, Record
from lab.s3 import S3
from lab.sei import SeiStandIn
from lab.service import Service
from lab.smtp import Smtp
from lab.worker import Worker

# In the order of reports. Prefect is started first of all: its first start takes the longest.
_OF_THE_PROGRAMME: tuple[type[Service], ...] = (
    MariaDB,
    SecondMariaDB,
    Ldap,
    S3,
    Smtp,
    Dns,
    SeiStandIn,
    MoodleStandIn,
    Gateway,
    Painel,
    Porta,
    Edge,
)
EMBEDDED: tuple[type[Service], ...] = (PrefectServer, *_OF_THE_PROGRAMME, Worker)
SERVICE_NAMES = tuple(service.name for service in EMBEDDED)


def services_of(profile: ProfileName) -> tuple[type[Service], ...]:
    """The services of a profile, each after those that it needs."""
    if profile == "embedded":
        return EMBEDDED
    # Only here: the client libraries of its servers are nothing to an ordinary lab.
    from lab.scale.postgres import Postgres  # noqa: PLC0415
    from lab.scale.prefect_parts import Balancer, PrefectApi, PrefectServices, SecondPrefectApi  # noqa: PLC0415
    from lab.scale.redis import Redis  # noqa: PLC0415
    from lab.scale.workers import (  # noqa: PLC0415
        FirstOfMain,
        FirstOfSecond,
        ScaleWorker,
        SecondOfMain,
        SecondOfSecond,
    )

    parts = (Postgres, Redis, PrefectApi, SecondPrefectApi, PrefectServices, Balancer)
    return (*parts, *_OF_THE_PROGRAMME, ScaleWorker, FirstOfMain, SecondOfMain, FirstOfSecond, SecondOfSecond)


def choose_services(profile: ProfileName, services: Iterable[str] | None) -> tuple[type[Service], ...]:
    """The services of those names, or all of the profile.

    Raises:
        InvalidInputError: a name is none of the profile's.
    """
    known = services_of(profile)
    if services is None:
        return known
    wanted, names = set(services), [service.name for service in known]
    if unknown := wanted - set(names):
        raise InvalidInputError(
            f"Serviço desconhecido: {', '.join(sorted(unknown))}",
            "serviços do laboratório",
            f"Use: {', '.join(names)}.",
        )
    return tuple(service for service in known if service.name in wanted)


def settle_profile(layout: Layout, record: Record, wanted: str | None) -> ProfileName:
    """The profile of a lab that is to come up: the wanted one, which one that has data must have been made with.

    Raises:
        InvalidInputError: there is no such profile, or the lab is of another.
    """
    profile = _checked(wanted) if wanted is not None else record.profile
    if profile != record.profile and record.established:
        raise InvalidInputError(
            f"Este laboratório é do perfil {record.profile}, não {profile}",
            str(layout.root),
            "Escolha outro diretório com --lab-dir; ou apague este, com seus dados: ./implanta lab down --destroy.",
        )
    return profile


def _checked(name: str) -> ProfileName:
    for profile in get_args(ProfileName):
        if profile == name:
            return profile  # type: ignore[no-any-return]  # what get_args answers has no type
    raise InvalidInputError(
        f"Perfil desconhecido: {name}", "perfis do laboratório", f"Use: {', '.join(get_args(ProfileName))}."
    )
