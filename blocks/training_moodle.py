"""A Moodle that is asked who finished which course, over its REST web services.

The facts are Moodle's own: each site shows the parameters and answers of its functions under *Administração do site >
Servidor > Serviços web > Documentação da API*, and they are declared in Moodle's published source, named below as
`file: function`. Moodle 3.2, of 2016, is the first with all three functions that are called here.
"""

import re
import ssl
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import httpx
from pydantic import Field, SecretStr

from blocks.plain_http import TRUSTS_NOBODY
from blocks.training_platform import TrainingPlatform
from domain.calendar import local_day
from domain.completion import Completion, completion
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError

SERVER_PATH = "/webservice/rest/server.php"
FIND_COURSE = "core_course_get_courses_by_field"
LIST_ENROLLED = "core_enrol_get_enrolled_users"
SHOW_COMPLETION = "core_completion_get_course_completion_status"
LAST_ACCESS = "lastcourseaccess"
_THIS_MACHINE = "127.0.0.1"
_HOST = re.compile(r"[\w.:-]+")
_LAST_PORT = 65535
_LATER = "Execute de novo mais tarde."
_TELL_IMPLANTA = "Confira o endereço e a versão do Moodle; se estiverem certos, avise a equipe do Implanta."

# What the token's user must be allowed in the course, for each function. Source: enrol/externallib.php:
# get_enrolled_users, user/lib.php: user_get_user_details, lib/completionlib.php: completion_can_view_data.
_CAPABILITIES = {
    FIND_COURSE: "moodle/course:view e moodle/course:viewhiddencourses",
    LIST_ENROLLED: "moodle/course:view, moodle/course:viewparticipants, moodle/course:enrolreview e "
    "moodle/user:viewalldetails",
    SHOW_COMPLETION: "moodle/course:view, report/completion:view e moodle/site:accessallgroups",
}

# The `errorcode`s of Moodle, by what they mean to us. Source: lang/en/webservice.php, lang/en/error.php,
# webservice/lib.php: authenticate_user, and the functions themselves. Old versions say `accessexception` of a token
# that expired as well as of a function that the token may not call.
_BAD_TOKEN = re.compile(r"invalidtoken|invalidtimedtoken|invalidiptoken|wsaccessuser[a-z]+")
_FORBIDDEN_FUNCTION = re.compile(r"accessexception|servicenotavailable|missingrequiredcapability|usernotallowed")
_FORBIDDEN_COURSE = re.compile(
    r"nopermissions?|cannotviewreport|accessdenied|errorcoursecontextnotvalid|requireloginerror|coursehidden|notingroup"
)
_NOT_NOW = re.compile(r"sitemaintenance|upgraderunning|dbconnectionfailed|dml[a-z]+")
_GONE = re.compile(r"invaliduser|invalidcourseid|invalidrecord(unknown)?")
_NOT_TRACKED = re.compile(r"(user)?notenroled")
_NO_CRITERIA = "nocriteriaset"
_UNKNOWN_FIELD = "invaliduserfield"

T = TypeVar("T")
U = TypeVar("U")


class _NotTrackedError(InvalidInputError):
    """Enrolled without a role whose completion is followed, as teachers are: nobody who could finish."""


class _UnknownFieldError(InvalidInputError):
    """A version that does not know a field of the enrolled."""


class _Enrolled(NamedTuple):
    """Somebody enrolled in a course: the number by which Moodle knows the person, and the login, where it is shown."""

    number: int
    login: str
    accessed: bool


class MoodlePlatform(TrainingPlatform):
    """The Moodle of the training programme, over its web services.

    `courses` are the courses' *idnumber*s. Of the enrolled, those whom Moodle says never to have opened the course are
    not asked about: who finished without opening it (a class in a room, marked by its teacher) comes by attendance
    list. Who is marked as having finished, but at no time that Moodle knows, is not told either. The token's user needs
    moodle/site:accessallgroups where a course has separate groups: Moodle leaves the people of other groups out, and
    does not say so.

    An e-mail is no login of SEI, nor is what stands before its @: two people of two providers may share that.
    """

    _block_type_name = "Implanta Moodle"
    _block_type_slug = "implanta-moodle"

    url: str = Field(description="Endereço do Moodle, sem barra no fim, como https://ead.exemplo.mg.gov.br.")
    token: SecretStr = Field(description="Token do serviço web do Implanta no Moodle.")
    match: Literal["username", "idnumber"] = Field(
        default="username",
        description="Campo do Moodle que guarda o login do SEI: username (nome de usuário) ou idnumber (número de "
        "identificação).",
    )
    ca_file: Path | None = Field(
        default=None, description="Certificado da autoridade que assina o do Moodle; sem ele, valem as do sistema."
    )
    timeout_seconds: float = Field(default=60.0, gt=0, description="Quantos segundos esperar por uma resposta.")
    parallel: int = Field(default=4, ge=1, le=32, description="Quantas perguntas fazer ao Moodle ao mesmo tempo.")

    def list_completions(self, courses: Collection[str]) -> list[Completion]:
        with self._conversation() as moodle:
            # Every course is found before the first of thousands of people is asked about.
            numbers = {course: moodle.find_course(course) for course in courses}
            return sorted(done for course, number in numbers.items() for done in self._finished(moodle, course, number))

    def _finished(self, moodle: "_Conversation", course: str, number: int) -> list[Completion]:
        people = [one for one in moodle.list_enrolled(course, number, self.match) if one.accessed]
        asked = [one for one in people if one.login] or people
        days = _in_parallel(lambda one: moodle.finished_on(course, number, one.number), asked, self.parallel)
        finished = [(one, day) for one, day in zip(asked, days, strict=True) if day]
        if any(not one.login for one, _ in finished):
            raise moodle.hidden_logins(course, self.match)
        return [completion(one.login, course, day) for one, day in finished]

    @contextmanager
    def _conversation(self) -> Iterator["_Conversation"]:
        """One client with kept-alive connections, for as many requests as there are; threads may share it."""
        verify = TRUSTS_NOBODY if self._is_plain() else self._trusted()
        with httpx.Client(
            base_url=self.url.rstrip("/"), timeout=self.timeout_seconds, verify=verify, trust_env=False
        ) as client:
            yield _Conversation(client, f"moodle {self.url}", self.token)

    def _is_plain(self) -> bool:
        """Whether it is asked without TLS, as only on this machine: the token travels in each request."""
        address = _address(self.url)
        if address and (address.scheme == "https" or (address.scheme, address.host) == ("http", _THIS_MACHINE)):
            return address.scheme == "http"
        raise InvalidInputError(
            "O endereço do Moodle não serve: o token só viaja por HTTPS",  # not shown: it may hold a password
            "campo url do bloco Implanta Moodle",
            "Escreva-o como https://ead.exemplo.mg.gov.br, sem usuário, senha nem parâmetros.",
        )

    def _trusted(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        except OSError as e:  # as all errors of ssl are
            raise InvalidInputError(
                f"O certificado da autoridade do Moodle não pode ser lido ({type(e).__name__})",
                str(self.ca_file),
                "Corrija o campo ca_file do bloco Implanta Moodle: um arquivo PEM.",
            ) from None


class _Conversation:
    """Questions and answers by Moodle's REST protocol, over one client."""

    def __init__(self, client: httpx.Client, where: str, token: SecretStr) -> None:
        self._client = client
        self._where = where
        self._token = token

    def find_course(self, course: str) -> int:
        """Moodle's number of the course with this idnumber.

        Source: course/externallib.php: get_courses_by_field. Courses that are hidden from the token's user are left
        out; `enablecompletion` is only told to who may enter the course.
        """
        answer = self._call(FIND_COURSE, {"field": "idnumber", "value": course}, course)
        with self._believing(course):
            found = [(int(item["id"]), item.get("enablecompletion")) for item in answer["courses"]]
        if not found:
            raise InvalidInputError(
                "O curso não existe no Moodle, ou está oculto ao usuário do token",
                self._at(course),
                f"Escreva {course} no número de identificação (idnumber) do curso, nas configurações dele; de um curso "
                "oculto, dê ao usuário do token moodle/course:viewhiddencourses.",
            )
        if len(found) > 1:
            raise InvalidInputError(
                f"Há {len(found)} cursos do Moodle com este número de identificação",
                self._at(course),
                "Deixe-o num só e apague o dos outros.",
            )
        ((number, completion_is_on),) = found
        if completion_is_on == 0:
            raise InvalidInputError(
                "O curso não acompanha a conclusão no Moodle",
                self._at(course),
                "Ligue o acompanhamento de conclusão nas configurações do curso e defina os critérios.",
            )
        return number

    def list_enrolled(self, course: str, number: int, field: str) -> list[_Enrolled]:
        """Everybody whose enrolment is active, in one answer: pages would miss whoever is hidden from the token's user.

        Source: enrol/externallib.php: get_enrolled_users. A `username` is shown to who has
        moodle/user:viewalldetails; an `idnumber` too, and it is left out where it is empty. `lastcourseaccess` is 0
        for who never opened the course, is not told where the site hides it, and is unknown to old versions.

        Raises:
            InvalidInputError: Moodle does not show the field of the login.
        """
        try:
            answer = self._enrolled(course, number, [field, LAST_ACCESS])
        except _UnknownFieldError:
            answer = self._enrolled(course, number, [field])
        with self._believing(course):
            people = [
                _Enrolled(int(item["id"]), str(item.get(field) or "").strip(), item.get(LAST_ACCESS) != 0)
                for item in answer
            ]
        if field == "username" and any(not one.login for one in people):
            raise self.hidden_logins(course, field)
        return people

    def _enrolled(self, course: str, number: int, fields: Collection[str]) -> list[dict[str, Any]]:
        options = {"onlyactive": "1", "userfields": ",".join(["id", *fields])}
        answer: list[dict[str, Any]] = self._call(LIST_ENROLLED, {"courseid": number, **_php_options(options)}, course)
        return answer

    def finished_on(self, course: str, number: int, person: int) -> date | None:
        """The day on which the person met the last criterion; None for who has not finished, or not at a known time.

        Source: completion/classes/external.php: get_course_completion_status. Times are seconds since 1970, null for
        a criterion that is not met.
        """
        try:
            answer = self._call(SHOW_COMPLETION, {"courseid": number, "userid": person}, course)
        except _NotTrackedError:
            return None
        with self._believing(course):
            status = answer["completionstatus"]
            times = [int(item["timecompleted"] or 0) for item in status["completions"]]
            if not status["completed"] or not any(times):
                return None
            return local_day(datetime.fromtimestamp(max(times), UTC))

    def hidden_logins(self, course: str, field: str) -> InvalidInputError:
        """The error of a site where nobody's login can be read."""
        return InvalidInputError(
            f"O Moodle não mostra o campo {field} dos inscritos",
            self._at(course),
            "Dê ao usuário do token moodle/user:viewalldetails no curso; ou, se o login do SEI está noutro campo, "
            "corrija o campo match do bloco Implanta Moodle.",
        )

    def _call(self, function: str, parameters: Mapping[str, str | int], course: str) -> Any:  # noqa: ANN401  # any JSON
        """Ask one function, by POST: an address, with a token in it, would end in the logs of the servers between."""
        form = {
            "wstoken": self._token.get_secret_value(),
            "wsfunction": function,
            "moodlewsrestformat": "json",
            **parameters,
        }
        where = self._at(course)
        try:
            answer = self._client.post(SERVER_PATH, data=form)
        except httpx.HTTPError as e:
            raise _explain_silence(e, where) from None  # the error holds the request, and with it the token
        if answer.status_code != HTTPStatus.OK:
            raise _explain_status(answer.status_code, where)
        with self._believing(course):
            document = answer.json()
        if isinstance(document, dict) and "exception" in document:
            raise _explain(str(document.get("errorcode")), function, where)
        return document

    def _at(self, course: str) -> str:
        return f"{self._where}, curso {course}"

    @contextmanager
    def _believing(self, course: str) -> Iterator[None]:
        """Read an answer; one of another shape is refused, and nothing of it repeated."""
        try:
            yield
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
            raise _strange("fora do protocolo", self._at(course)) from None


def _address(url: str) -> httpx.URL | None:
    """The address as the client will read it; None for none, or one with parts that no message may show."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        return None
    is_reachable = _HOST.fullmatch(address.host) and 0 < (address.port or 1) <= _LAST_PORT
    return address if is_reachable and not (address.userinfo or address.query or address.fragment) else None


def _in_parallel(ask: Callable[[T], U], questions: Collection[T], threads: int) -> list[U]:
    """The answers, in the order of the questions; at the first failure `map` drops what was not asked yet."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return list(pool.map(ask, questions))


def _php_options(options: Mapping[str, str]) -> dict[str, str]:
    """A list of names and values as PHP reads it from a form: `options[0][name]=…`."""
    return {
        f"options[{place}][{half}]": text
        for place, (name, value) in enumerate(options.items())
        for half, text in (("name", name), ("value", value))
    }


def _explain(code: str, function: str, where: str) -> ImplantaError:  # noqa: PLR0911  # one line a meaning
    """What an `errorcode` means; Moodle's own `message` may name a person and is not repeated.

    Errors come with HTTP 200, as {"exception", "errorcode", "message"} (webservice/rest/locallib.php:
    generate_error).
    """
    if _NOT_TRACKED.fullmatch(code) and function == SHOW_COMPLETION:
        return _NotTrackedError("Inscrito sem acompanhamento de conclusão", where, "Nada a fazer.")
    if code == _UNKNOWN_FIELD and function == LIST_ENROLLED:
        return _UnknownFieldError("O Moodle não conhece um campo dos inscritos", where, _TELL_IMPLANTA)
    if code == _NO_CRITERIA:
        return InvalidInputError(
            "O curso não tem critérios de conclusão no Moodle",
            where,
            "Defina-os no curso, em Conclusão de curso: sem eles ninguém o conclui.",
        )
    if _BAD_TOKEN.fullmatch(code):
        return InvalidInputError(
            f"O Moodle recusou o token ({code})",
            where,
            "Confira no Moodle se o token existe, está no prazo, aceita este endereço IP e é de um usuário ativo; se "
            "for outro, corrija o bloco Implanta Moodle.",
        )
    if _FORBIDDEN_FUNCTION.fullmatch(code):
        return InvalidInputError(
            f"O token não pode chamar {function} ({code})",
            where,
            "Inclua a função no serviço externo do token, e o usuário dele entre os autorizados; confira o prazo do "
            "token e se o usuário tem webservice/rest:use.",
        )
    if _FORBIDDEN_COURSE.fullmatch(code):
        return InvalidInputError(
            f"O usuário do token não pode ver isto no curso ({code})",
            where,
            f"Dê a ele, no curso ou no site, {_CAPABILITIES[function]}; e confira se o acompanhamento de conclusão "
            "está ligado no site e no curso.",
        )
    if _NOT_NOW.fullmatch(code):
        return RetryableError(f"O Moodle não atendeu agora ({code})", where, _LATER)
    if _GONE.fullmatch(code):
        # Of the first function asked, the only record that may be missing is the function's own.
        if function == FIND_COURSE:
            return InvalidInputError(f"O Moodle não tem a função {function}", where, "Use o Moodle 3.2 ou mais novo.")
        return RetryableError(f"O Moodle mudou enquanto era lido ({code})", where, "Execute de novo.")
    return _strange(f"com um erro desconhecido{f' ({code})' if re.fullmatch('[a-z_]{1,40}', code) else ''}", where)


def _explain_status(status: int, where: str) -> ImplantaError:
    """What an HTTP status means: Moodle itself gives its errors with 200."""
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RetryableError(f"O Moodle não atendeu agora (código {status})", where, _LATER)
    if status == HTTPStatus.FORBIDDEN:  # webservice/rest/server.php, when its protocol is off
        return InvalidInputError(
            "O Moodle não aceita serviços web (código 403)",
            where,
            "Habilite no Moodle os serviços web e o protocolo REST; se já estão, veja o que o firewall dele barra.",
        )
    return InvalidInputError(
        f"Neste endereço não há serviços web de um Moodle (código {status})",
        where,
        "Corrija o campo url do bloco Implanta Moodle: o endereço que o navegador mostra na página inicial.",
    )


def _explain_silence(error: httpx.HTTPError, where: str) -> ImplantaError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return InvalidInputError(
                "O certificado do Moodle não é de confiança",
                where,
                "Renove-o, ou dê em ca_file, no bloco Implanta Moodle, o da autoridade que o assina.",
            )
        cause = cause.__cause__ or cause.__context__
    return RetryableError(
        f"O Moodle não respondeu ({type(error).__name__})", where, "Confira se ele está no ar e execute de novo."
    )


def _strange(how: str, where: str) -> IntegrityError:
    return IntegrityError(f"O Moodle respondeu {how}", where, _TELL_IMPLANTA)
