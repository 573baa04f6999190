"""Training classes: registered by an operator, told to the prefeitura, reminded of, taken back."""

from blocks.catalog import Catalog
from domain.change import Change
from domain.class_messages import class_key, class_variables, is_reminder_due, older_keys
from domain.courses import Course
from domain.errors import InvalidInputError
from domain.message import Event
from domain.municipality import Municipality
from domain.telling_report import TellingReport
from domain.training_class import ClassState, Meeting, ScheduledClass, plan_cancellation, plan_class
from tasks import clock, doors
from tasks.inspection import publish_markdown
from tasks.messages import put_in_queue, withdraw
from tasks.step import step


def schedule_class(municipality: str, wanted: Meeting) -> tuple[ScheduledClass, Change]:
    """Register a class, or correct it, and queue its invitation: one that was sent is replaced in the calendar.

    Raises:
        InvalidInputError: no such course, a class in the past or one that was cancelled.
    """
    found = doors.registry().find_municipality(municipality)
    course = _course(wanted.course)
    wanted = wanted.model_copy(update={"course": course.code})
    planned = plan_class(found.ibge, wanted, _find(found, course, wanted.code), clock.now())
    return planned, _save_and_tell(found, course, planned)


def cancel_class(municipality: str, course_name: str, code: str) -> tuple[ScheduledClass, Change]:
    """Cancel a class, and take its invitation out of the queue or of people's calendars.

    Raises:
        InvalidInputError: there is no such class, or it has begun.
    """
    found = doors.registry().find_municipality(municipality)
    course = _course(course_name)
    scheduled = _find(found, course, code)
    if scheduled is None:
        raise InvalidInputError(
            f"Não há turma {code!r} do curso {course.title}",
            found.slug,
            f"Veja as turmas com ./implanta training class list {found.slug}.",
        )
    planned = plan_cancellation(scheduled, clock.now())
    return planned, _save_and_tell(found, course, planned)


def municipalities_with_classes() -> list[str]:
    """Those with a class still to come, by slug."""
    now = clock.now()
    classes = doors.registry().training_classes()
    coming = {one.ibge for one in classes if one.state(now) is ClassState.SCHEDULED}
    return [found.slug for found in doors.registry().list_municipalities() if found.ibge in coming]


@step("lembretes das turmas")
def remind_of_classes(municipality: str) -> Change:
    """Queue the reminder of each class whose day it is, once for each correction of the class."""
    found, now, catalog = doors.registry().find_municipality(municipality), clock.now(), Catalog()
    calendar, courses = catalog.holidays().calendar_for(found), catalog.courses()
    days = courses.reminder_business_days
    return Change.sum(
        _queue(found, _course(scheduled.course), scheduled, Event.LEMBRETE_CAPACITACAO)
        for scheduled in doors.registry().training_classes(found.ibge)
        if is_reminder_due(scheduled, days, calendar, now)
    )


def publish_reminders(report: TellingReport) -> None:
    """Publish who was reminded."""
    publish_markdown("lembretes-das-turmas", report.markdown(), report.title)


def _save_and_tell(municipality: Municipality, course: Course, planned: ScheduledClass) -> Change:
    """Again after an interruption it does what is left of the two, for each of them happens once."""
    change = doors.registry().save_class(planned)
    withdraw(municipality.ibge, older_keys(planned))
    if planned.cancelled_at is None:
        _queue(municipality, course, planned, Event.CONVITE_CAPACITACAO)
    elif _was_invited(planned):
        _queue(municipality, course, planned, Event.CANCELAMENTO_CAPACITACAO)
    return change


def _was_invited(planned: ScheduledClass) -> bool:
    """Whether an invitation reached anybody, or may be doing so at this moment."""
    messages = {message.key: message for message in doors.registry().messages(planned.ibge)}
    told = [messages.get(key) for key in older_keys(planned)]
    return any(message is not None and (not message.dropped_at or message.sent_by_role) for message in told)


def _queue(municipality: Municipality, course: Course, scheduled: ScheduledClass, event: Event) -> Change:
    return put_in_queue(
        municipality.slug, event, class_key(scheduled, event), class_variables(scheduled, course, event)
    )


def _find(municipality: Municipality, course: Course, code: str) -> ScheduledClass | None:
    classes = doors.registry().training_classes(municipality.ibge)
    return next((one for one in classes if (one.course, one.code) == (course.code, code)), None)


def _course(name: str) -> Course:
    courses = Catalog().courses()
    found = courses.find(name)
    if found is None:
        known = ", ".join(course.code for course in courses.courses)
        raise InvalidInputError(f"Não há curso {name!r}", "catalog/training.yaml", f"Os cursos são: {known}.")
    return found
