"""Who may ask what of the Prefect server: every route is classified, and what is not classified is nobody's.

The matcher judges the target exactly as it was sent, and takes only the one canonical way of writing each: what two
programs could read differently (encoded letters or slashes, empty or dotted segments) is refused, not put right.
"""

import json
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from typing import Literal, Self
from urllib.parse import parse_qsl, unquote_to_bytes
from uuid import UUID

from pydantic import Field, JsonValue, model_validator

from domain.board.access import Role
from domain.catalog_entry import CatalogEntry
from domain.model import Frozen

LONGEST_TARGET = 8_000
LONGEST_SEGMENT = 255
_API = "api"
# What the server offers beside its API and its pages: descriptions of itself, which load programs of strangers.
_DESCRIPTIONS = frozenset({"docs", "redoc", "openapi.json"})
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~@:+-]|%[0-9A-Fa-f]{2})+")
_QUERY = re.compile(r"[A-Za-z0-9._~@:+\-!$&'()*,;=/?%\[\]]*")
_NEVER_ENCODED = frozenset(b"-._~/\\%\x7f") | frozenset(range(0x20))
_ROUTE = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S*)")
_PARAMETER = re.compile(r"\{(\w+)\}")
# These parameters are UUIDs; all others are names.
_UUIDS = frozenset({"id", "schedule_id", "lease_id"})
_SECRETS = "include_secrets"
_NO = frozenset({"false", "0", "no", "off", "f", "n"})
_EMPTY: tuple[JsonValue, ...] = (None, "", [], {})


class RequestRefusedError(Exception):
    """Nobody may ask this; the text says why, in Portuguese."""


class Subject(Frozen):
    """Whose tags have a say in who may ask."""

    kind: Literal["deployment", "flow_run"]
    id: UUID


class SubjectFacts(Frozen):
    """What the server says of it."""

    tags: frozenset[str]
    own: dict[str, JsonValue] = Field(default_factory=dict)
    """A deployment's own values, which the form of its runs sends back."""


class Place(StrEnum):
    """Which part of the Prefect server is asked."""

    API = "api"
    PAGES = "telas"
    PAGE_FILES = "arquivos"
    """Programs and fonts of the pages, whose names change with their content."""
    PAGE_SETTINGS = "configuracao"


class Passage(Frozen):
    """A request that somebody may make."""

    place: Place
    route: str
    """Its template, which names nobody: `POST /deployments/{id}/create_flow_run`."""
    role: Role
    """The least role that may; more when the subject is a decision."""
    is_read: bool
    subject: Subject | None = None
    repeated: dict[str, JsonValue] = Field(default_factory=dict)
    """What may only repeat the deployment's own value."""


class _Template(Frozen):
    route: str
    method: str
    segments: tuple[str, ...]
    role: Role | None

    def fits(self, segments: tuple[str, ...]) -> bool:
        return all(map(_fits, self.segments, segments))

    @property
    def parameters(self) -> int:
        return sum(bool(_PARAMETER.fullmatch(segment)) for segment in self.segments)


class PrefectAccessRule(CatalogEntry):
    """The classes of the routes (`prefect_access.yaml`)."""

    decision_tags: frozenset[str] = Field(alias="etiquetas_de_decisao")
    fields: dict[str, tuple[str, ...]] = Field(alias="campos")
    repeatable: frozenset[str] = Field(alias="campos_do_deployment")
    reading: tuple[str, ...] = Field(alias="leitura")
    operating: tuple[str, ...] = Field(alias="operacao")
    administering: tuple[str, ...] = Field(alias="administracao")
    machines: tuple[str, ...] = Field(alias="maquinas")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        routes = [route for route, _ in self._classes()]
        if wrong := sorted({route for route in routes if not _ROUTE.fullmatch(route)}):
            msg = f"não são rotas: {', '.join(wrong)}"
            raise ValueError(msg)
        if twice := sorted({route for route in routes if routes.count(route) > 1}):
            msg = f"em duas listas: {', '.join(twice)}"
            raise ValueError(msg)
        if set(self.fields) != set(self.operating):
            msg = f"campos e operacao têm rotas diferentes: {', '.join(sorted(set(self.fields) ^ set(self.operating)))}"
            raise ValueError(msg)
        return self

    def _classes(self) -> Iterator[tuple[str, Role | None]]:
        yield from ((route, Role.LEITURA) for route in self.reading)
        yield from ((route, Role.OPERACAO) for route in self.operating)
        yield from ((route, Role.ADMINISTRACAO) for route in self.administering)
        yield from ((route, None) for route in self.machines)

    @property
    def routes(self) -> frozenset[str]:
        """Every classified route."""
        return frozenset(route for route, _ in self._classes())

    @cached_property
    def _templates(self) -> dict[tuple[str, int], list[_Template]]:
        found: dict[tuple[str, int], list[_Template]] = {}
        for route, role in self._classes():
            method, _, path = route.partition(" ")
            segments = tuple(path.removeprefix("/").split("/"))
            template = _Template(route=route, method=method, segments=segments, role=role)
            found.setdefault((method, len(segments)), []).append(template)
        for templates in found.values():
            templates.sort(key=lambda template: template.parameters)  # a name is never taken for a word of the API
        return found

    def judge(self, method: str, target: str, body: bytes) -> Passage:
        """Who may make a request: `target` is path and query as they were sent, `body` what came with it.

        Raises:
            RequestRefusedError: nobody may.
        """
        segments, query = read_target(target)
        place = place_of(segments)
        if place is not Place.API:
            if method not in {"GET", "HEAD"} or segments[0] in _DESCRIPTIONS:
                raise RequestRefusedError(_UNKNOWN)
            return Passage(place=place, route="GET /…", role=Role.LEITURA, is_read=True)
        template = self._find(method, segments[1:])
        content = _read_body(body)
        role = template.role
        if role is None:
            raise RequestRefusedError("Só programas do Implanta pedem isto, e não passam por aqui.")
        subject = None if role is Role.LEITURA else _subject(template, segments[1:])
        repeated = self._repeated(content) if subject else {}
        if _wants_secrets(query, content) or not self._is_plain(template.route, content, subject):
            role = Role.ADMINISTRACAO
        return Passage(
            place=place,
            route=template.route,
            role=role,
            is_read=template.role is Role.LEITURA,
            subject=subject,
            repeated=repeated,
        )

    def needed(self, passage: Passage, facts: SubjectFacts) -> Role:
        """The least role that may, given what the request is about."""
        if any(value != facts.own.get(name) for name, value in passage.repeated.items()):
            return Role.ADMINISTRACAO
        is_decision = bool(self.decision_tags & facts.tags)
        return Role.APROVACAO if is_decision and not passage.role.may(Role.APROVACAO) else passage.role

    def _repeated(self, content: JsonValue) -> dict[str, JsonValue]:
        said = content.items() if isinstance(content, dict) else ()
        # True is the stricter answer to the only question that is one: whether parameters are checked.
        return {
            name: value for name, value in said if name in self.repeatable and value is not True and value not in _EMPTY
        }

    def _find(self, method: str, segments: tuple[str, ...]) -> _Template:
        for template in self._templates.get((method, len(segments)), ()):
            if template.fits(segments):
                return template
        raise RequestRefusedError(_UNKNOWN)

    def _is_plain(self, route: str, content: JsonValue, subject: Subject | None) -> bool:
        """Whether the body says no more than this class of requests may say."""
        allowed = self.fields.get(route)
        if allowed is None or content is None:
            return True
        if not isinstance(content, dict):
            return False
        known = {*allowed, *(self.repeatable if subject else ())}
        return all(name in known or value in _EMPTY for name, value in content.items())


_UNKNOWN = "Este endereço do Prefect não está liberado para ninguém."


def read_target(target: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The decoded segments of a path, and the names and values of its query.

    Raises:
        RequestRefusedError: it is written in a way that two programs could read differently.
    """
    path, _, query = target.partition("?")
    if len(target) > LONGEST_TARGET or not path.startswith("/") or not _QUERY.fullmatch(query):
        raise RequestRefusedError(_MALFORMED)
    raw = path[1:].split("/")
    if "" in raw[:-1]:
        raise RequestRefusedError(_MALFORMED)
    segments = tuple(map(_read_segment, raw))
    if segments[0] != _API and segments[0].casefold() == _API:
        raise RequestRefusedError(_MALFORMED)
    return segments, tuple(parse_qsl(query, keep_blank_values=True))


_MALFORMED = "O endereço está escrito de um modo que a porta não aceita."


def _read_segment(raw: str) -> str:
    if not raw:
        return raw
    if not _SEGMENT.fullmatch(raw) or raw in {".", ".."}:
        raise RequestRefusedError(_MALFORMED)
    for code in re.findall(r"%(..)", raw):
        byte = int(code, 16)
        if byte in _NEVER_ENCODED or (byte < 0x80 and chr(byte).isalnum()):  # noqa: PLR2004  # ASCII
            raise RequestRefusedError(_MALFORMED)
    try:
        segment = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise RequestRefusedError(_MALFORMED) from None
    if len(segment) > LONGEST_SEGMENT or not segment.isprintable():
        raise RequestRefusedError(_MALFORMED)
    return segment


def place_of(segments: tuple[str, ...]) -> Place:
    """Which part of the server a path leads to."""
    if segments[0] == _API:
        return Place.API
    if "assets" in segments[:2]:
        return Place.PAGE_FILES
    return Place.PAGE_SETTINGS if segments == ("ui-settings",) else Place.PAGES


def _fits(wanted: str, segment: str) -> bool:
    parameter = _PARAMETER.fullmatch(wanted)
    if parameter is None:
        return segment == wanted
    return _is_uuid(segment) if parameter[1] in _UUIDS else bool(segment)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _subject(template: _Template, segments: tuple[str, ...]) -> Subject | None:
    match template.segments[:2]:
        case ("deployments", "{id}"):
            return Subject(kind="deployment", id=UUID(segments[1]))
        case ("flow_runs", "{id}"):
            return Subject(kind="flow_run", id=UUID(segments[1]))
    return None


def _wants_secrets(query: tuple[tuple[str, str], ...], content: JsonValue) -> bool:
    if any(name == _SECRETS and value.casefold() not in _NO for name, value in query):
        return True
    return isinstance(content, dict) and content.get(_SECRETS) not in (None, False)


def _read_body(body: bytes) -> JsonValue:
    """The body as the server will read it; None without one.

    Raises:
        RequestRefusedError: it is not JSON, or says a key twice.
    """
    if not body:
        return None

    def once(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise RequestRefusedError(_BAD_BODY)
        return found

    try:
        content: JsonValue = json.loads(body.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise RequestRefusedError(_BAD_BODY) from None
    return content


_BAD_BODY = "O conteúdo do pedido não é JSON, ou diz duas vezes a mesma coisa."
