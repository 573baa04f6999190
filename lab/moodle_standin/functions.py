"""The three functions: who may call them, what they take, and what they answer."""

from collections.abc import Callable, Mapping
from typing import Any

from lab.moodle_standin.errors import MoodleError, bad_parameter, forbidden, missing_record
from lab.moodle_standin.php import Value
from lab.moodle_standin.store import Course, Criterion, Person, Store, Token

ACTIVITY = 4  # a criterion that an activity of the course meets
ALL_CRITERIA, ANY_CRITERION = 1, 2
_LAST_ACCESS = "lastcourseaccess"
_USER_FIELDS = ("id", "username", "fullname", "firstname", "lastname", "email", "idnumber", _LAST_ACCESS)
_Parameters = Mapping[str, Value]


class Functions:
    """The functions of one site."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_name: dict[str, Callable[[Token, _Parameters], Any]] = {
            "core_course_get_courses_by_field": self._courses_by_field,
            "core_enrol_get_enrolled_users": self._enrolled_users,
            "core_completion_get_course_completion_status": self._completion_status,
        }

    def call(self, token: str | None, name: str | None, parameters: _Parameters) -> Any:  # noqa: ANN401  # any JSON
        """Authenticate, then call; in the order of Moodle.

        Raises:
            MoodleError: what the site refuses.
        """
        rights = self._store.token(token or "")
        if rights is None:
            raise MoodleError("invalidtoken", "Invalid token - token not found")
        if self._store.setting("maintenance"):
            raise MoodleError("sitemaintenance", "The site is undergoing maintenance and is currently not available")
        if rights.refusal:
            raise MoodleError(rights.refusal, "Refused web service access for username: servico.implanta")
        function = self._by_name.get(name or "")
        if function is None:
            raise missing_record()
        if name not in rights.functions:
            raise MoodleError("accessexception", "Access control exception", "webservice_access_exception")
        return function(rights, parameters)

    def _courses_by_field(self, rights: Token, parameters: _Parameters) -> dict[str, Any]:
        _take(parameters, required=set(), optional={"field", "value"})
        field, value = parameters.get("field", ""), parameters.get("value", "")
        if field not in {"id", "idnumber"} or not isinstance(value, str) or not isinstance(field, str):
            raise bad_parameter("Invalid field name")  # there are others, which nobody here asks for
        seen = [
            course
            for course in self._store.courses(field, value)
            if course.visible or "moodle/course:viewhiddencourses" in rights.capabilities
        ]
        return {"courses": [_course(course, rights) for course in seen], "warnings": []}

    def _enrolled_users(self, rights: Token, parameters: _Parameters) -> list[dict[str, Any]]:
        _take(parameters, required={"courseid"}, optional={"options"})
        number = _integer(parameters, "courseid")
        options = _options(parameters.get("options", {}))
        course = self._course(number)
        if "moodle/course:view" not in rights.capabilities:
            raise MoodleError("errorcoursecontextnotvalid", f"You cannot execute functions in the course {course.id}")
        if "moodle/course:viewparticipants" not in rights.capabilities:
            raise forbidden("View participants")
        only_active = options.get("onlyactive", "") not in {"", "0"}
        if only_active and "moodle/course:enrolreview" not in rights.capabilities:
            raise forbidden("Review course enrolments")
        fields = options["userfields"].split(",") if options.get("userfields") else list(self._user_fields())
        for field in fields:
            if field not in self._user_fields():
                raise MoodleError("invaliduserfield", f"Invalid user field: {field}")
        if self._store.setting("hides_access"):
            fields = [field for field in fields if field != _LAST_ACCESS]
        people = self._store.enrolled(course.id)
        return [
            _user(person, {"id", "fullname", *fields}, rights) for person in people if person.active or not only_active
        ]

    def _user_fields(self) -> tuple[str, ...]:
        if self._store.setting("old_version"):
            return tuple(field for field in _USER_FIELDS if field != _LAST_ACCESS)
        return _USER_FIELDS

    def _completion_status(self, rights: Token, parameters: _Parameters) -> dict[str, Any]:
        _take(parameters, required={"courseid", "userid"}, optional=set())
        course = self._course(_integer(parameters, "courseid"))
        number = _integer(parameters, "userid")
        if not self._store.has_person(number):
            raise missing_record()
        if "moodle/course:view" not in rights.capabilities:
            raise MoodleError("requireloginerror", "Course or activity not accessible. (Not enrolled)")
        if not course.tracks_completion or "report/completion:view" not in rights.capabilities:
            raise MoodleError("cannotviewreport", "You can not view this report")
        person = next(iter(self._store.enrolled(course.id, number)), None)
        if person is None or not (person.active and person.is_student):
            raise MoodleError("usernotenroled", "This user is not enrolled in this course")
        criteria = self._store.criteria(course.id, number)
        if not criteria:
            raise MoodleError("nocriteriaset", "There are no completion criteria set for this course")
        enough = any if course.any_criterion else all
        return {
            "completionstatus": {
                "completed": enough(criterion.met_at is not None for criterion in criteria),
                "aggregation": ANY_CRITERION if course.any_criterion else ALL_CRITERIA,
                "completions": [_completion(criterion) for criterion in criteria],
            },
            "warnings": [],
        }

    def _course(self, number: int) -> Course:
        found = self._store.courses("id", number)
        if not found:
            raise missing_record()
        return found[0]


def _course(course: Course, rights: Token) -> dict[str, Any]:
    public: dict[str, Any] = {
        "id": course.id,
        "fullname": course.fullname,
        "displayname": course.fullname,
        "shortname": course.idnumber,
    }
    if "moodle/course:view" not in rights.capabilities:  # what everybody may know of a course
        return public
    return public | {"visible": int(course.visible), "enablecompletion": int(course.tracks_completion)}


def _user(person: Person, fields: set[str], rights: Token) -> dict[str, Any]:
    """One person; without the capability a name only, and never an idnumber that is empty."""
    everything: dict[str, Any] = {
        "id": person.id,
        "fullname": f"{person.firstname} {person.lastname}",
        "firstname": person.firstname,
        "lastname": person.lastname,
        "email": person.email,
        _LAST_ACCESS: person.last_access,
    }
    if "moodle/user:viewalldetails" in rights.capabilities:
        everything |= {"username": person.username} | ({"idnumber": person.idnumber} if person.idnumber else {})
    return {field: value for field, value in everything.items() if field in fields}


def _completion(criterion: Criterion) -> dict[str, Any]:
    is_met = criterion.met_at is not None
    return {
        "type": ACTIVITY,
        "title": "Activity completion",
        "status": "Yes" if is_met else "No",
        "complete": is_met,
        "timecompleted": criterion.met_at or None,
        "details": {
            "type": "Activity completion",
            "criteria": criterion.title,
            "requirement": "Complete",
            "status": "Yes" if is_met else "",
        },
    }


def _take(parameters: _Parameters, *, required: set[str], optional: set[str]) -> None:
    """Demand exactly the declared parameters."""
    if missing := required - set(parameters):
        raise bad_parameter(f"Missing required key in single structure: {min(missing)}")
    if unexpected := set(parameters) - required - optional:
        raise bad_parameter(f"Unexpected keys ({', '.join(sorted(unexpected))}) detected in parameter array.")


def _integer(parameters: _Parameters, name: str) -> int:
    value = parameters[name]
    if not isinstance(value, str) or not value.isdecimal():
        raise bad_parameter(f"{name} => Invalid parameter value detected")
    return int(value)


def _options(value: Value) -> dict[str, str]:
    """`options` as its declaration has it: a list of names and values."""
    if not isinstance(value, dict):
        raise bad_parameter("options => Only arrays accepted.")
    options: dict[str, str] = {}
    for option in value.values():
        if not isinstance(option, dict) or set(option) != {"name", "value"}:
            raise bad_parameter("options => Missing required key in single structure")
        options[str(option["name"])] = str(option["value"])
    return options
