"""The stand-in itself: what a client that cheats is told. A lenient server would prove nothing of the client."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.settings import PROJECT_ROOT
from blocks.training_moodle import MoodlePlatform
from domain.completion import completion
from lab.moodle_standin.php import read_form
from lab.moodle_standin.server import SERVER_PATH
from lab.moodle_standin.store import Store
from lab.ports import choose
from tests.training_platform.conftest import ANA, MARCH_2, MARCH_9, TOKEN, USE, Site
from tests.waiting import end, wait_until

FIND, ENROLLED = "core_course_get_courses_by_field", "core_enrol_get_enrolled_users"
STATUS = "core_completion_get_course_completion_status"


def ask(site: Site, function: str, fields: dict[str, str] | None = None, *, token: str | None = None) -> Any:  # noqa: ANN401
    """What the site answers, always with HTTP 200."""
    form = {
        "wstoken": TOKEN.get_secret_value() if token is None else token,
        "wsfunction": function,
        "moodlewsrestformat": "json",
    }
    answer = httpx.post(f"{site.url}{SERVER_PATH}", data=form | (fields or {}), trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


def test_a_form_is_read_as_php_reads_it() -> None:
    assert read_form("a=1&b[]=x&b[]=y&c.d=2&a=3") == {"a": "3", "b": {"0": "x", "1": "y"}, "c_d": "2"}
    assert read_form("options%5B0%5D%5Bname%5D=onlyactive&options[0][value]=&options[1][name]=x") == {
        "options": {"0": {"name": "onlyactive", "value": ""}, "1": {"name": "x"}}
    }
    assert read_form("a=1&a[b]=2&=3") == {"a": {"b": "2"}}


def test_the_answers_have_the_documented_shape(class_of_three: Store, site: Site) -> None:
    class_of_three.complete(USE, [ANA], MARCH_9, criterion="Leitura")
    found = ask(site, FIND, {"field": "idnumber", "value": USE})
    (course,) = found["courses"]
    assert (course["enablecompletion"], course["visible"], found["warnings"]) == (1, 1, [])
    options = {"options[0][name]": "userfields", "options[0][value]": "id,username"}
    people = ask(site, ENROLLED, {"courseid": str(course["id"]), **options})
    assert all(set(person) == {"id", "username", "fullname"} for person in people)
    status = ask(site, STATUS, {"courseid": str(course["id"]), "userid": str(people[0]["id"])})
    assert (status["completionstatus"]["completed"], status["completionstatus"]["aggregation"]) == (False, 1)
    read, examined = status["completionstatus"]["completions"]
    assert (read["complete"], read["timecompleted"]) == (True, int(MARCH_9.timestamp()))
    assert (examined["complete"], examined["timecompleted"], examined["details"]["criteria"]) == (False, None, "Prova")


@pytest.mark.parametrize(
    ("function", "fields", "code"),
    [
        (FIND, {"field": "nome", "value": USE}, "invalidparameter"),
        (FIND, {"field": "idnumber", "value": USE, "extra": "1"}, "invalidparameter"),
        (ENROLLED, {}, "invalidparameter"),
        (ENROLLED, {"courseid": "sei-usar"}, "invalidparameter"),
        (ENROLLED, {"courseid": "2", "options[onlyactive]": "1"}, "invalidparameter"),
        (ENROLLED, {"courseid": "2", "options": "onlyactive"}, "invalidparameter"),
        (ENROLLED, {"courseid": "99"}, "invalidrecordunknown"),
        (ENROLLED, {"courseid": "2", "options[0][name]": "userfields", "options[0][value]": "cpf"}, "invaliduserfield"),
        (STATUS, {"courseid": "2"}, "invalidparameter"),
        (STATUS, {"courseid": "2", "userid": "99"}, "invalidrecordunknown"),
        ("core_user_get_users", {}, "invalidrecordunknown"),
    ],
)
def test_a_question_that_is_not_declared_is_refused(
    class_of_three: Store, site: Site, function: str, fields: dict[str, str], code: str
) -> None:
    assert ask(site, function, fields)["errorcode"] == code


def test_a_stranger_is_told_nothing_else(class_of_three: Store, site: Site) -> None:
    for token in ("", "0" * 32):
        assert ask(site, "no_such_function", token=token) == {
            "exception": "moodle_exception",
            "errorcode": "invalidtoken",
            "message": "Invalid token - token not found",
        }


def test_it_runs_as_a_program_over_state_that_another_process_changes(state_file: Path) -> None:
    store = Store(state_file)
    store.add_token(TOKEN.get_secret_value())
    store.add_course(USE)
    store.add_people([ANA])
    (port,) = choose(["moodle"], avoid=()).values()
    command = [sys.executable, "-m", "lab.moodle_standin", "--port", str(port), "--state", str(state_file)]
    program = subprocess.Popen(command, cwd=PROJECT_ROOT, env=os.environ, stderr=subprocess.DEVNULL)
    try:
        moodle = MoodlePlatform(url=f"http://127.0.0.1:{port}", token=TOKEN)
        wait_until(lambda: _listens(port), "the program listens", 30)
        assert moodle.list_completions([USE]) == []
        store.enrol(USE, [ANA], accessed_at=MARCH_2)
        store.complete(USE, [ANA], MARCH_9)
        assert moodle.list_completions([USE]) == [completion(ANA, USE, MARCH_9.date())]
    finally:
        end(program.pid)
        program.wait()


def _listens(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 404
    except httpx.HTTPError:
        return False
