"""What the stand-in keeps: people, courses, enrolments, criteria and tokens, in one SQLite file.

Several processes may use it at once: the server reads while a demo or a test enrols people.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

FUNCTIONS = frozenset(
    {
        "core_course_get_courses_by_field",
        "core_enrol_get_enrolled_users",
        "core_completion_get_course_completion_status",
    }
)
# What a role for web services of this kind is given, on the whole site.
CAPABILITIES = frozenset(
    {
        "moodle/course:view",
        "moodle/course:viewhiddencourses",
        "moodle/course:viewparticipants",
        "moodle/course:enrolreview",
        "moodle/user:viewalldetails",
        "report/completion:view",
    }
)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY, functions TEXT NOT NULL, capabilities TEXT NOT NULL, refusal TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS course (
    id INTEGER PRIMARY KEY, idnumber TEXT NOT NULL, fullname TEXT NOT NULL,
    visible INTEGER NOT NULL, tracks_completion INTEGER NOT NULL, any_criterion INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS criterion (id INTEGER PRIMARY KEY, course INTEGER NOT NULL, title TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS person (
    id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, idnumber TEXT NOT NULL, firstname TEXT NOT NULL,
    lastname TEXT NOT NULL, email TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS enrolment (
    course INTEGER NOT NULL, person INTEGER NOT NULL, active INTEGER NOT NULL, is_student INTEGER NOT NULL,
    last_access INTEGER NOT NULL, PRIMARY KEY (course, person)
);
CREATE TABLE IF NOT EXISTS met (
    criterion INTEGER NOT NULL, person INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (criterion, person)
);
"""
FIRST_COURSE = 2  # course 1 of every Moodle is its front page
FIRST_PERSON = 3  # 1 is the guest, 2 the administrator
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Token:
    """What a token may do; `refusal` is the error of one that is out of date, of a suspended user, or the like."""

    functions: frozenset[str] = FUNCTIONS
    capabilities: frozenset[str] = CAPABILITIES
    refusal: str = ""


@dataclass(frozen=True)
class Course:
    id: int
    idnumber: str
    fullname: str
    visible: bool
    tracks_completion: bool
    any_criterion: bool


@dataclass(frozen=True)
class Person:
    """Somebody enrolled; `last_access` is when the person last opened the course, 0 for never."""

    id: int
    username: str = field(repr=False)
    idnumber: str = field(repr=False)
    firstname: str = field(repr=False)
    lastname: str = field(repr=False)
    email: str = field(repr=False)
    active: int
    is_student: int
    last_access: int


@dataclass(frozen=True)
class Criterion:
    """A criterion of a course, and when somebody met it: None for not yet, 0 for at no known time."""

    title: str
    met_at: int | None


class Store:
    """The stand-in's memory and, for tests and demos, the hands of Moodle's administrator and teachers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            database.executescript(_SCHEMA)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction: what was written holds when the block ends well."""
        with closing(sqlite3.connect(self._path, timeout=_PATIENCE_SECONDS)) as database, database:
            yield database

    def clear(self) -> None:
        """Forget everything, as a new site."""
        with self._open() as database:
            for table in ("setting", "token", "course", "criterion", "person", "enrolment", "met"):
                database.execute(f"DELETE FROM {table}")  # noqa: S608  # our own names

    def forget_people(self) -> None:
        """Forget who is there and what they finished; the site and its courses stay."""
        with self._open() as database:
            for table in ("met", "enrolment", "person"):
                database.execute(f"DELETE FROM {table}")  # noqa: S608  # our own names

    # ---- what its people do ----------------------------------------------------------------------------------------

    def set(self, setting: str, value: str) -> None:
        """Change the site: `web_services` off, `maintenance` on, `hides_access` or `old_version` on."""
        with self._open() as database:
            database.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (setting, value))

    def add_token(self, token: str, rights: Token = Token()) -> None:
        """Give somebody's program a token, or the one it has other rights."""
        row = (token, " ".join(rights.functions), " ".join(rights.capabilities), rights.refusal)
        with self._open() as database:
            database.execute("INSERT OR REPLACE INTO token VALUES (?, ?, ?, ?)", row)

    def add_course(
        self,
        idnumber: str,
        fullname: str = "",
        *,
        criteria: Iterable[str] = ("Prova final",),
        visible: bool = True,
        tracks_completion: bool = True,
        any_criterion: bool = False,
    ) -> int:
        """Open a course; its number."""
        with self._open() as database:
            number = _next(database, "course", FIRST_COURSE)
            row = (number, idnumber, fullname or idnumber, visible, tracks_completion, any_criterion)
            database.execute("INSERT INTO course VALUES (?, ?, ?, ?, ?, ?)", row)
            database.executemany(
                "INSERT INTO criterion (course, title) VALUES (?, ?)", [(number, title) for title in criteria]
            )
            return number

    def add_people(self, usernames: Iterable[str], *, idnumbers: bool = False) -> None:
        """Create the accounts that are missing, with made-up names; Moodle keeps a username in small letters."""
        with self._open() as database:
            first = _next(database, "person", FIRST_PERSON)
            database.executemany(
                "INSERT OR IGNORE INTO person VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        number,
                        name.lower(),
                        name if idnumbers else "",
                        "Pessoa",
                        f"Número {number}",
                        f"pessoa{number}@moodle.example",
                    )
                    for number, name in enumerate(usernames, start=first)
                ],
            )

    def enrol(
        self,
        idnumber: str,
        usernames: Iterable[str],
        *,
        accessed_at: datetime | None = None,
        is_student: bool = True,
        active: bool = True,
    ) -> None:
        """Enrol people who have accounts, or change their enrolment."""
        seconds = _seconds(accessed_at)
        with self._open() as database:
            database.executemany(
                "INSERT OR REPLACE INTO enrolment SELECT course.id, person.id, ?, ?, ? FROM course, person "
                "WHERE course.idnumber = ? AND person.username = ?",
                [(active, is_student, seconds, idnumber, name.lower()) for name in usernames],
            )

    def complete(
        self,
        idnumber: str,
        usernames: Iterable[str],
        at: datetime | None,
        *,
        criterion: str | None = None,
        opened: bool = True,
    ) -> None:
        """Let people meet one criterion of a course, or all of them; `at` None is a time that nobody knows.

        With `opened` False a teacher marks them who never opened the course, as after a class in a room.
        """
        seconds = _seconds(at)
        with self._open() as database:
            for name in usernames:
                database.execute(
                    "INSERT OR REPLACE INTO met SELECT criterion.id, person.id, :at FROM course "
                    "JOIN criterion ON criterion.course = course.id JOIN person ON person.username = :name "
                    "WHERE course.idnumber = :course AND (:title IS NULL OR criterion.title = :title)",
                    {"at": seconds, "name": name.lower(), "course": idnumber, "title": criterion},
                )
                database.execute(
                    "UPDATE enrolment SET last_access = max(last_access, :at) "
                    "WHERE course IN (SELECT id FROM course WHERE idnumber = :course) "
                    "AND person = (SELECT id FROM person WHERE username = :name)",
                    {"at": seconds if opened else 0, "name": name.lower(), "course": idnumber},
                )

    # ---- what its functions read -----------------------------------------------------------------------------------

    def setting(self, name: str) -> str:
        """A setting's value, empty when nobody changed it."""
        with self._open() as database:
            row = database.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def token(self, token: str) -> Token | None:
        """The rights of a token; None for one that there is not."""
        with self._open() as database:
            row = database.execute(
                "SELECT functions, capabilities, refusal FROM token WHERE token = ?", (token,)
            ).fetchone()
        return Token(frozenset(row[0].split()), frozenset(row[1].split()), row[2]) if row else None

    def courses(self, field_name: str, value: str | int) -> list[Course]:
        """The courses with this `id` or `idnumber`."""
        column = {"id": "id", "idnumber": "idnumber"}[field_name]
        with self._open() as database:
            rows = database.execute(
                f"SELECT id, idnumber, fullname, visible, tracks_completion, any_criterion FROM course "  # noqa: S608
                f"WHERE {column} = ? ORDER BY id",
                (value,),
            ).fetchall()
        return [Course(row[0], row[1], row[2], bool(row[3]), bool(row[4]), bool(row[5])) for row in rows]

    def enrolled(self, course: int, person: int | None = None) -> list[Person]:
        """Everybody, or one person, enrolled in a course."""
        with self._open() as database:
            rows = database.execute(
                "SELECT person.id, username, person.idnumber, firstname, lastname, email, active, is_student, "
                "last_access FROM enrolment JOIN person ON person.id = enrolment.person "
                "WHERE course = :course AND (:person IS NULL OR person.id = :person) ORDER BY person.id",
                {"course": course, "person": person},
            ).fetchall()
        return [Person(*row) for row in rows]

    def has_person(self, person: int) -> bool:
        """Whether there is such an account."""
        with self._open() as database:
            return database.execute("SELECT 1 FROM person WHERE id = ?", (person,)).fetchone() is not None

    def criteria(self, course: int, person: int) -> list[Criterion]:
        """The criteria of a course as one person met them."""
        with self._open() as database:
            rows = database.execute(
                "SELECT title, at FROM criterion LEFT JOIN met ON criterion = criterion.id AND person = ? "
                "WHERE course = ? ORDER BY criterion.id",
                (person, course),
            ).fetchall()
        return [Criterion(*row) for row in rows]


def _next(database: sqlite3.Connection, table: str, first: int) -> int:
    (number,) = database.execute(f"SELECT coalesce(max(id) + 1, ?) FROM {table}", (first,)).fetchone()  # noqa: S608
    return int(number)


def _seconds(moment: datetime | None) -> int:
    return int(moment.timestamp()) if moment else 0
