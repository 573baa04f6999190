"""What a prefeitura's training gate learns from Moodle, and what the operator reads when it learns nothing."""

import json
import pickle
import socket
import time
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr, ValidationError

from blocks.catalog import Catalog
from blocks.certificate_authority import InternalCA
from blocks.training_moodle import LIST_ENROLLED, SHOW_COMPLETION, MoodlePlatform
from domain.completion import completion
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError
from lab.moodle_standin.server import serving
from lab.moodle_standin.store import CAPABILITIES, FUNCTIONS, Store, Token
from lab.ports import choose
from tests.training_platform.conftest import (
    ADMINISTER,
    ANA,
    BIA,
    CAIO,
    MARCH_2,
    MARCH_9,
    TOKEN,
    USE,
    Site,
    answering,
)

COURSE_7 = b'{"courses": [{"id": 7}], "warnings": []}'
ANA_IN_IT = b'[{"id": 3, "fullname": "Ana Lima", "username": "ana.lima", "lastcourseaccess": 1772400000}]'


def personal(error: ImplantaError) -> list[str]:
    """What of these people somebody could read in an error, be it in its repr or in the one behind it."""
    shown = f"{error} {error!r} {error.__cause__!r}"
    assert error.__suppress_context__ or error.__context__ is None or isinstance(error.__context__, ImplantaError)
    words = ("ana", "lima", "bia", "caio", "moodle.example", "pessoa", "servico.implanta", TOKEN.get_secret_value())
    return [word for word in words if word in shown.lower()]


def test_who_met_every_criterion_has_finished_on_the_day_of_the_last_one(
    class_of_three: Store, moodle: MoodlePlatform
) -> None:
    class_of_three.complete(USE, [ANA, BIA], MARCH_2, criterion="Leitura")
    class_of_three.complete(USE, [BIA], MARCH_9, criterion="Prova")
    assert moodle.list_completions([USE]) == [completion(BIA, USE, date(2026, 3, 9))]


def test_two_courses_are_told_in_order_and_each_only_once(class_of_three: Store, moodle: MoodlePlatform) -> None:
    class_of_three.add_course(ADMINISTER)
    class_of_three.enrol(ADMINISTER, [BIA], accessed_at=MARCH_2)
    class_of_three.complete(USE, [CAIO, BIA], MARCH_2)
    class_of_three.complete(ADMINISTER, [BIA], MARCH_9)
    assert moodle.list_completions([USE, ADMINISTER, USE]) == [
        completion(BIA, ADMINISTER, date(2026, 3, 9)),
        completion(BIA, USE, date(2026, 3, 2)),
        completion(CAIO, USE, date(2026, 3, 2)),
    ]


def test_of_no_course_nothing_is_asked() -> None:
    assert MoodlePlatform(url="https://ead.invalid", token=TOKEN).list_completions([]) == []


def test_nobody_enrolled_is_nobody_trained(site: Site, moodle: MoodlePlatform) -> None:
    site.store.add_course(USE)
    assert moodle.list_completions([USE]) == []


def test_who_has_not_finished_is_not_told(class_of_three: Store, moodle: MoodlePlatform) -> None:
    class_of_three.complete(USE, [ANA], MARCH_2, criterion="Prova")
    assert moodle.list_completions([USE]) == []


def test_a_course_of_any_criterion_is_finished_with_the_first(site: Site, moodle: MoodlePlatform) -> None:
    site.store.add_course(USE, criteria=("Prova", "Entrevista"), any_criterion=True)
    site.store.add_people([ANA])
    site.store.enrol(USE, [ANA], accessed_at=MARCH_2)
    site.store.complete(USE, [ANA], MARCH_9, criterion="Prova")
    assert moodle.list_completions([USE]) == [completion(ANA, USE, date(2026, 3, 9))]


def test_the_day_is_that_of_brasilia_not_of_greenwich(class_of_three: Store, moodle: MoodlePlatform) -> None:
    class_of_three.complete(USE, [ANA], datetime(2026, 3, 10, 1, 0, tzinfo=UTC))  # 22 o'clock of the 9th
    assert moodle.list_completions([USE]) == [completion(ANA, USE, date(2026, 3, 9))]


def test_a_day_that_nobody_knows_is_no_completion(class_of_three: Store, moodle: MoodlePlatform) -> None:
    class_of_three.complete(USE, [ANA], None)
    class_of_three.complete(USE, [BIA], MARCH_9)
    assert moodle.list_completions([USE]) == [completion(BIA, USE, date(2026, 3, 9))]


def test_a_later_completion_is_seen_by_the_next_look(class_of_three: Store, moodle: MoodlePlatform) -> None:
    assert moodle.list_completions([USE]) == []
    class_of_three.complete(USE, [ANA], MARCH_9)
    assert moodle.list_completions([USE]) == [completion(ANA, USE, date(2026, 3, 9))]


def test_teachers_and_who_left_the_course_are_no_trainees(class_of_three: Store, moodle: MoodlePlatform) -> None:
    class_of_three.complete(USE, [ANA, BIA, CAIO], MARCH_9)
    class_of_three.enrol(USE, [ANA], accessed_at=MARCH_2, is_student=False)
    class_of_three.enrol(USE, [BIA], accessed_at=MARCH_2, active=False)
    assert moodle.list_completions([USE]) == [completion(CAIO, USE, date(2026, 3, 9))]


def test_the_login_may_be_the_identification_number_and_who_has_none_is_left_out(site: Site) -> None:
    site.store.add_course(USE)
    site.store.add_people(["Ana.Lima"], idnumbers=True)
    site.store.add_people([BIA])
    site.store.enrol(USE, [ANA, BIA], accessed_at=MARCH_2)
    site.store.complete(USE, [ANA, BIA], MARCH_9)
    by_number = MoodlePlatform(url=site.url, token=TOKEN, match="idnumber")
    assert by_number.list_completions([USE]) == [completion("ana.lima", USE, date(2026, 3, 9))]


def test_an_email_is_no_login_to_match_by() -> None:
    with pytest.raises(ValidationError, match="match"):
        MoodlePlatform.model_validate({"url": "https://ead.exemplo", "token": TOKEN, "match": "email"})


# ---- who is asked about, and how -------------------------------------------------------------------------------------


def test_who_never_opened_the_course_is_not_asked_about(site: Site, moodle: MoodlePlatform) -> None:
    site.store.add_course(USE)
    site.store.add_people([ANA, BIA])
    site.store.enrol(USE, [ANA, BIA])
    # A question about anybody would be refused.
    site.store.add_token(TOKEN.get_secret_value(), Token(functions=FUNCTIONS - {SHOW_COMPLETION}))
    assert moodle.list_completions([USE]) == []
    site.store.enrol(USE, [ANA], accessed_at=MARCH_2)
    with pytest.raises(InvalidInputError, match=SHOW_COMPLETION):
        moodle.list_completions([USE])


@pytest.mark.parametrize("setting", ["hides_access", "old_version"])
def test_where_moodle_does_not_say_who_opened_the_course_everybody_is_asked_about(
    class_of_three: Store, moodle: MoodlePlatform, setting: str
) -> None:
    class_of_three.complete(USE, [BIA], MARCH_9, opened=False)
    class_of_three.enrol(USE, [BIA])
    assert moodle.list_completions([USE]) == []
    class_of_three.set(setting, "on")
    assert moodle.list_completions([USE]) == [completion(BIA, USE, date(2026, 3, 9))]


def test_the_token_travels_in_the_body_and_not_in_an_address() -> None:
    with answering(200, COURSE_7, ANA_IN_IT, b'{"completionstatus": {"completed": false, "completions": []}}') as asked:
        assert asked.block().list_completions([USE]) == []
    assert asked.paths == ["/webservice/rest/server.php"] * 3
    fields = [parse_qs(body.decode()) for body in asked.bodies]
    assert all(one["wstoken"] == [TOKEN.get_secret_value()] for one in fields)
    assert all(one["moodlewsrestformat"] == ["json"] for one in fields)
    assert (fields[1]["options[0][name]"], fields[1]["options[0][value]"]) == (["onlyactive"], ["1"])
    assert fields[1]["options[1][name]"] == ["userfields"]
    assert fields[1]["options[1][value]"] == ["id,username,lastcourseaccess"]


def test_a_thousand_people_are_asked_about_several_at_a_time(site: Site, moodle: MoodlePlatform) -> None:
    people = [f"p{number:04}" for number in range(1000)]
    site.store.add_course(USE)
    site.store.add_people(people)
    site.store.enrol(USE, people, accessed_at=MARCH_2)
    site.store.complete(USE, people[::2], MARCH_9)
    found = moodle.list_completions([USE])
    assert found == [completion(login, USE, date(2026, 3, 9)) for login in people[::2]]


def test_as_many_questions_are_under_way_as_the_block_says() -> None:
    import threading

    lock, now, most = threading.Lock(), 0, 0

    def count(step: int) -> None:
        nonlocal now, most
        with lock:
            now += step
            most = max(most, now)

    from blocks.training_moodle import _in_parallel

    def ask(_: int) -> None:
        count(1)
        time.sleep(0.01)
        count(-1)

    _in_parallel(ask, range(40), 3)
    assert most == 3


def test_after_the_first_failure_nothing_more_is_asked(site: Site) -> None:
    people = [{"id": number, "username": f"p{number}", "lastcourseaccess": 1} for number in range(500)]
    with answering(200, COURSE_7, json.dumps(people).encode(), b"<html>") as asked, pytest.raises(IntegrityError):
        asked.block().list_completions([USE])
    assert len(asked.paths) < len(people) / 2


# ---- refusals: what the operator reads -------------------------------------------------------------------------------


def test_a_token_that_moodle_does_not_know_is_refused(class_of_three: Store, moodle: MoodlePlatform) -> None:
    stranger = moodle.model_copy(update={"token": SecretStr("0" * 32)})
    with pytest.raises(
        InvalidInputError, match=r"recusou o token \(invalidtoken\).*Confira no Moodle se o token existe"
    ):
        stranger.list_completions([USE])


@pytest.mark.parametrize("code", ["invalidtimedtoken", "invalidiptoken", "wsaccessusersuspended"])
def test_a_token_that_is_no_longer_good_is_refused_without_naming_its_user(
    class_of_three: Store, moodle: MoodlePlatform, code: str
) -> None:
    class_of_three.add_token(TOKEN.get_secret_value(), Token(refusal=code))
    with pytest.raises(InvalidInputError, match=rf"recusou o token \({code}\)") as refusal:
        moodle.list_completions([USE])
    assert personal(refusal.value) == []


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_function_that_the_token_may_not_call_is_named(
    class_of_three: Store, moodle: MoodlePlatform, function: str
) -> None:
    class_of_three.add_token(TOKEN.get_secret_value(), Token(functions=FUNCTIONS - {function}))
    with pytest.raises(InvalidInputError, match=rf"não pode chamar {function}.*Inclua a função no serviço externo"):
        moodle.list_completions([USE])


@pytest.mark.parametrize(
    ("capability", "message"),
    [
        ("moodle/course:view", "errorcoursecontextnotvalid"),
        ("moodle/course:viewparticipants", "nopermissions"),
        ("moodle/course:enrolreview", "nopermissions"),
        ("report/completion:view", "cannotviewreport"),
        ("moodle/user:viewalldetails", "não mostra o campo username"),
    ],
)
def test_whatever_the_tokens_user_may_not_see_is_told_with_what_to_grant(
    class_of_three: Store, moodle: MoodlePlatform, capability: str, message: str
) -> None:
    class_of_three.add_token(TOKEN.get_secret_value(), Token(capabilities=CAPABILITIES - {capability}))
    with pytest.raises(InvalidInputError, match=message) as refusal:
        moodle.list_completions([USE])
    assert capability in refusal.value.fix
    assert USE in refusal.value.where


def test_identification_numbers_that_nobody_sees_are_missed_once_somebody_finished(class_of_three: Store) -> None:
    with_numbers = MoodlePlatform(url="http://127.0.0.1:9", token=TOKEN, match="idnumber")
    with answering(
        200,
        COURSE_7,
        b'[{"id": 3, "fullname": "Ana Lima", "lastcourseaccess": 1772400000}]',
        b'{"completionstatus": {"completed": true, "completions": [{"timecompleted": 1772400000}]}}',
    ) as asked:
        block = with_numbers.model_copy(update={"url": asked.url})
        with pytest.raises(InvalidInputError, match="não mostra o campo idnumber") as refusal:
            block.list_completions([USE])
    assert personal(refusal.value) == []


def test_a_course_that_moodle_lacks_is_told_before_anybody_is_asked_about(
    class_of_three: Store, moodle: MoodlePlatform
) -> None:
    class_of_three.add_token(TOKEN.get_secret_value(), Token(functions=FUNCTIONS - {LIST_ENROLLED}))
    with pytest.raises(InvalidInputError, match="não existe no Moodle, ou está oculto") as refusal:
        moodle.list_completions([USE, ADMINISTER])
    assert f"Escreva {ADMINISTER} no número de identificação" in refusal.value.fix


def test_a_hidden_course_is_seen_by_who_may(site: Site, moodle: MoodlePlatform) -> None:
    site.store.add_course(USE, visible=False)
    assert moodle.list_completions([USE]) == []
    rights = Token(capabilities=CAPABILITIES - {"moodle/course:viewhiddencourses"})
    site.store.add_token(TOKEN.get_secret_value(), rights)
    with pytest.raises(InvalidInputError, match=r"oculto.*moodle/course:viewhiddencourses"):
        moodle.list_completions([USE])


def test_one_number_of_two_courses_is_no_course(site: Site, moodle: MoodlePlatform) -> None:
    site.store.add_course(USE)
    site.store.add_course(USE)
    with pytest.raises(InvalidInputError, match="Há 2 cursos do Moodle com este número"):
        moodle.list_completions([USE])


def test_a_course_without_criteria_is_told_so(site: Site, moodle: MoodlePlatform) -> None:
    site.store.add_course(USE, criteria=())
    site.store.add_people([ANA])
    site.store.enrol(USE, [ANA], accessed_at=MARCH_2)
    with pytest.raises(InvalidInputError, match=r"não tem critérios de conclusão no Moodle.*Defina-os no curso"):
        moodle.list_completions([USE])


def test_a_course_that_does_not_follow_completion_is_told_so(site: Site, moodle: MoodlePlatform) -> None:
    site.store.add_course(USE, tracks_completion=False)
    with pytest.raises(InvalidInputError, match="não acompanha a conclusão no Moodle"):
        moodle.list_completions([USE])


def test_web_services_that_are_off_are_told_so(class_of_three: Store, moodle: MoodlePlatform) -> None:
    class_of_three.set("web_services", "off")
    with pytest.raises(InvalidInputError, match=r"não aceita serviços web.*protocolo REST"):
        moodle.list_completions([USE])


def test_a_site_in_maintenance_may_be_asked_again(class_of_three: Store, moodle: MoodlePlatform) -> None:
    class_of_three.set("maintenance", "on")
    with pytest.raises(RetryableError, match=r"não atendeu agora \(sitemaintenance\)"):
        moodle.list_completions([USE])


def test_an_address_that_is_no_moodle_is_told_so(site: Site) -> None:
    lost = MoodlePlatform(url=f"{site.url}/moodle", token=TOKEN)
    with pytest.raises(InvalidInputError, match=r"não há serviços web de um Moodle \(código 404\).*campo url"):
        lost.list_completions([USE])


# ---- what is broken --------------------------------------------------------------------------------------------------


def test_a_server_that_is_down_or_silent_may_be_asked_again() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        moodle = MoodlePlatform(url=f"http://127.0.0.1:{silent.getsockname()[1]}", token=TOKEN, timeout_seconds=0.3)
        with pytest.raises(RetryableError, match=r"O Moodle não respondeu \(ConnectError\)") as refusal:
            moodle.list_completions([USE])
        assert personal(refusal.value) == []
        silent.listen()
        with pytest.raises(RetryableError, match=r"O Moodle não respondeu \(ReadTimeout\)"):
            moodle.list_completions([USE])


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, b"Ana Lima", RetryableError),
        (503, b"<html>Ana Lima</html>", RetryableError),
        (429, b"", RetryableError),
        (303, b"", InvalidInputError),
        (401, b"Ana Lima", InvalidInputError),
        (403, b"", InvalidInputError),
        (404, b"<html>Ana Lima</html>", InvalidInputError),
        (200, b"", IntegrityError),
        (200, b"<html>Ana Lima</html>", IntegrityError),
        (200, b'{"courses": [{"id": 7', IntegrityError),
        (200, b"\xff\xfe", IntegrityError),
        (200, b"[]", IntegrityError),
        (200, b"null", IntegrityError),
        (200, b"{}", IntegrityError),
        (200, b'{"courses": [{"id": "Ana Lima"}]}', IntegrityError),
        (200, b'{"courses": ["Ana Lima"]}', IntegrityError),
        (200, b'{"exception": "TypeError", "message": "Ana Lima"}', IntegrityError),
        (200, b'{"exception": "x", "errorcode": "Ana Lima", "message": "Ana Lima"}', IntegrityError),
        (200, b'{"exception": "x", "errorcode": "invalidparameter", "message": "Ana Lima"}', IntegrityError),
        (200, b'{"exception": "x", "errorcode": "usernotenroled", "message": "Ana Lima"}', IntegrityError),
        (200, b'{"exception": "x", "errorcode": "invaliduserfield", "message": "Ana Lima"}', IntegrityError),
        (200, b'{"exception": "x", "errorcode": "invalidrecordunknown", "message": "Ana Lima"}', InvalidInputError),
        (200, b'{"exception": "x", "errorcode": "nopermissions", "message": "Ana Lima"}', InvalidInputError),
        (200, b'{"exception": "x", "errorcode": "dmlreadexception", "message": "Ana Lima"}', RetryableError),
    ],
)
def test_an_answer_is_sorted_by_what_to_do_and_its_text_not_repeated(
    status: int, body: bytes, kind: type[ImplantaError]
) -> None:
    with answering(status, body) as asked, pytest.raises(kind) as refusal:
        asked.block().list_completions([USE])
    assert personal(refusal.value) == []
    assert str(pickle.loads(pickle.dumps(refusal.value))) == str(refusal.value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"people": ["ana.lima"]}',
        b'[{"username": "ana.lima"}]',
        b'[{"id": "ana.lima", "username": "ana.lima"}]',
        b'["ana.lima"]',
        b"17",
    ],
)
def test_a_list_of_people_of_another_shape_is_not_believed(body: bytes) -> None:
    with answering(200, COURSE_7, body) as asked, pytest.raises(IntegrityError, match="fora do protocolo") as refusal:
        asked.block().list_completions([USE])
    assert personal(refusal.value) == []


@pytest.mark.parametrize(
    "status",
    [
        {},
        [],
        {"completionstatus": None},
        {"completionstatus": {"completed": True}},
        {"completionstatus": {"completed": True, "completions": [{"timecompleted": "ana.lima"}]}},
        {"completionstatus": {"completed": True, "completions": [{"timecompleted": 10**20}]}},
    ],
)
def test_a_completion_of_another_shape_is_not_believed(status: object) -> None:
    with (
        answering(200, COURSE_7, ANA_IN_IT, json.dumps(status).encode()) as asked,
        pytest.raises(IntegrityError, match="fora do protocolo") as refusal,
    ):
        asked.block().list_completions([USE])
    assert personal(refusal.value) == []


@pytest.mark.parametrize("code", ["invaliduser", "invalidrecordunknown", "invalidcourseid"])
def test_somebody_who_was_deleted_meanwhile_is_for_the_next_look(code: str) -> None:
    gone = json.dumps({"exception": "dml_missing_record_exception", "errorcode": code, "message": "Ana Lima"})
    with (
        answering(200, COURSE_7, ANA_IN_IT, gone.encode()) as asked,
        pytest.raises(RetryableError, match="mudou enquanto era lido") as refusal,
    ):
        asked.block().list_completions([USE])
    assert personal(refusal.value) == []


# ---- the way there ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://ead.exemplo.mg.gov.br",
        "http://127.0.0.1.exemplo.org",
        "http://127.0.0.1@exemplo.org",
        "https://ana:senha-da-ana@ead.exemplo",
        "https://ead.exemplo/?wstoken=senha-da-ana",
        "https://",
        "https://[ead",
        "https://ead.exemplo:99999",
        "https://ead exemplo",
        "http://127.0.0.1\\@exemplo.org",
        "ead.exemplo.mg.gov.br",
        "ftp://127.0.0.1",
        "",
    ],
)
def test_the_token_goes_nowhere_without_tls_but_to_this_machine(url: str) -> None:
    with pytest.raises(InvalidInputError, match="o token só viaja por HTTPS") as refusal:
        MoodlePlatform(url=url, token=TOKEN).list_completions([USE])
    assert "senha-da-ana" not in str(refusal.value)


def test_a_certificate_of_an_authority_of_ones_own_is_trusted_where_it_is_given(
    state_file: Path, tmp_path: Path
) -> None:
    now = datetime.now(tz=UTC)
    authority = InternalCA.generate("AC do Moodle", now)
    made = authority.issue(["127.0.0.1"], Catalog().certificates(), now)
    certificate, key, root = (tmp_path / name for name in ("moodle.pem", "moodle.key", "raiz.pem"))
    certificate.write_text(made.chain_pem)
    key.write_text(made.key_pem.get_secret_value())
    root.write_text(authority.root_certificate)
    store = Store(state_file)
    store.add_token(TOKEN.get_secret_value())
    store.add_course(USE)
    (port,) = choose(["moodle"], avoid=()).values()
    with serving(store, port, certificate=certificate, key=key) as url:
        moodle = MoodlePlatform(url=url, token=TOKEN, ca_file=root)
        assert url.startswith("https://")
        assert moodle.list_completions([USE]) == []
        with pytest.raises(InvalidInputError, match=r"certificado do Moodle não é de confiança.*ca_file"):
            moodle.model_copy(update={"ca_file": None}).list_completions([USE])


@pytest.mark.parametrize("text", [None, "isto não é PEM"])
def test_an_authority_that_cannot_be_read_is_told_by_its_file(tmp_path: Path, text: str | None) -> None:
    ca_file = tmp_path / "raiz.pem"
    if text:
        ca_file.write_text(text)
    moodle = MoodlePlatform(url="https://127.0.0.1:9", token=TOKEN, ca_file=ca_file)
    with pytest.raises(InvalidInputError, match="não pode ser lido") as refusal:
        moodle.list_completions([USE])
    assert refusal.value.where == str(ca_file)
