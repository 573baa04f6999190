"""The waves of an upgrade campaign as a picture: when each runs, how much of it is done, when all is over."""

from datetime import date, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

from blocks.gantt_picture import WIDTH_MM
from domain.calendar import BusinessCalendar
from domain.campaign.plan import CampaignPlan, PlannedWave

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MM_PER_INCH = 25.4
_ROW_MM, _EDGES_MM, _HIGHEST_MM = 9.5, 26, 700
_DOTS_PER_INCH = 120
_ONE_DAY = timedelta(days=1)
_BAR = 0.5
_MOST_LABELS = 18
_DONE, _PLANNED, _OFF, _TODAY, _TEXT = "#1b5e20", "#5b8db8", "#f1f1f1", "#b71c1c", "#222222"


def draw_waves(found: CampaignPlan, calendar: BusinessCalendar) -> bytes:
    """A PNG, equal for equal arguments. Days without business are shaded; lines are today and the forecast of the end.

    A plan that upgrades nobody is a picture of today alone.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  # half a second that few runs need
    from matplotlib.figure import Figure  # noqa: PLC0415

    rows = len(found.waves)
    height = min(_EDGES_MM + _ROW_MM * rows, _HIGHEST_MM)
    figure = Figure(figsize=(WIDTH_MM / _MM_PER_INCH, height / _MM_PER_INCH), dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    first, last = _span(found)
    axes.set_xlim(_at(first), _at(last))
    axes.set_ylim(rows - 0.4, -0.9)
    _shade(axes, calendar, first, last)
    for row, wave in enumerate(found.waves):
        _draw(axes, row, wave)
    _line(axes, found.today, "hoje", "--")
    if found.ends_on:
        _line(axes, found.ends_on, "fim previsto", "-")
    axes.set_yticks(range(rows), [wave.title for wave in found.waves], fontsize=8)
    _label_days(axes, first, last)
    made = BytesIO()
    figure.savefig(made, format="png", metadata={"Software": None})
    return made.getvalue()


def _at(day: date) -> float:
    from matplotlib.dates import date2num  # noqa: PLC0415

    return float(date2num(day))  # type: ignore[no-untyped-call]  # matplotlib types its dates only in part


def _span(found: CampaignPlan) -> tuple[date, date]:
    """All nights, today and the end, with room after the last bar for its text."""
    days = [found.today, *(wave.first_night for wave in found.waves), *(wave.last_night for wave in found.waves)]
    last = max([*days, *([found.ends_on] if found.ends_on else [])])
    first = min(days)
    return first - _ONE_DAY, last + max(3 * _ONE_DAY, (last - first) / 6)


def _shade(axes: "Axes", calendar: BusinessCalendar, first: date, last: date) -> None:
    for number in range((last - first).days + 1):
        day = first + number * _ONE_DAY
        if not calendar.is_business_day(day):
            axes.axvspan(_at(day), _at(day + _ONE_DAY), color=_OFF, linewidth=0, zorder=0)


def _draw(axes: "Axes", row: int, wave: PlannedWave) -> None:
    """The nights of a wave; the share that is done is filled darker from the left."""
    done = sum(unit.done for unit in wave.units)
    width = (wave.last_night - wave.first_night).days + 1
    left = _at(wave.first_night)
    axes.barh(row, width, height=_BAR, left=left, color=_PLANNED, zorder=2)
    axes.barh(row, width * done / len(wave.units), height=_BAR, left=left, color=_DONE, zorder=3)
    nights = f"{wave.first_night:%d/%m}"
    if width > 1:
        nights += f" a {wave.last_night:%d/%m}"
    told = f" {nights}: {done} de {len(wave.units)}"
    # Whatever line passes behind the text does not strike it through.
    behind = {"facecolor": "white", "linewidth": 0, "pad": 1}
    axes.text(left + width, row, told, va="center", fontsize=7, color=_TEXT, zorder=4, bbox=behind)


def _line(axes: "Axes", day: date, told: str, style: str) -> None:
    at = _at(day) + 0.5
    axes.axvline(at, color=_TODAY, linestyle=style, linewidth=1, zorder=1)
    axes.text(at, -0.6, f" {told} {day:%d/%m}", color=_TODAY, fontsize=7, va="center", zorder=4)


def _label_days(axes: "Axes", first: date, last: date) -> None:
    mondays = [day for day in (first + n * _ONE_DAY for n in range((last - first).days + 1)) if day.weekday() == 0]
    shown = mondays[:: 1 + (len(mondays) - 1) // _MOST_LABELS] if mondays else []
    axes.set_xticks([_at(day) for day in shown], [f"{day:%d/%m/%y}" for day in shown], fontsize=7)
    axes.xaxis.tick_top()
    axes.tick_params(axis="both", length=0, labelcolor=_TEXT)
    for side in axes.spines.values():
        side.set_visible(False)
