"""The timetable as a picture for print, by matplotlib: it knows axes of dates and text that fits, and brings a font."""

from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

from domain.instruments.timetable import Timetable, Window

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_MM = 257
"""What a landscape A4 page has between margins of 20 mm."""

_MM_PER_INCH = 25.4
_ROW_MM, _EDGES_MM, _HIGHEST_MM = 9.5, 26, 128
_DOTS_PER_INCH = 200
_ONE_DAY = timedelta(days=1)
_MARGIN_DAYS = 3
_SATURDAY = 5
_WEEKS_PER_LABEL = 18  # more labels than these would touch each other
_BAR, _PLAN = 0.46, 0.16
_DONE, _EXPECTED, _PLANNED, _TODAY = "#1b5e20", "#5b8db8", "#9e9e9e", "#b71c1c"
_WEEKEND, _HOLIDAY, _LINE, _TEXT = "#f1f1f1", "#fbe3c8", "#d0d0d0", "#222222"


def draw_gantt(timetable: Timetable, today: date) -> bytes:
    """A PNG, equal for equal arguments: one row an activity, its dates beside it, today as a line.

    Weekends and holidays are shaded. Where an activity is not where it was planned, a thin bar shows the plan.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  # half a second that few runs need
    from matplotlib.figure import Figure  # noqa: PLC0415

    rows = timetable.windows
    height = min(_EDGES_MM + _ROW_MM * len(rows), _HIGHEST_MM)
    figure = Figure(figsize=(WIDTH_MM / _MM_PER_INCH, height / _MM_PER_INCH), dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    first, last = _span(timetable, today)
    axes.set_xlim(_at(first), _at(last))
    axes.set_ylim(len(rows) - 0.4, -0.9)
    _shade(axes, timetable, first, last)
    for row, window in enumerate(rows):
        _draw(axes, row, window)
    _mark_start(axes, timetable)
    _mark_today(axes, today, rows=len(rows))
    axes.set_yticks(range(len(rows)), [f"{place}. {window.title}" for place, window in enumerate(rows, start=1)])
    _label_weeks(axes, first, last)
    _explain(axes, timetable)
    made = BytesIO()
    figure.savefig(made, format="png", metadata={"Software": None})
    return made.getvalue()


def _at(day: date) -> float:
    from matplotlib.dates import date2num  # noqa: PLC0415

    return float(date2num(day))  # type: ignore[no-untyped-call]  # matplotlib types its dates only in part


def _span(timetable: Timetable, today: date) -> tuple[date, date]:
    """The days that are shown: the whole timetable, and today where it is near enough not to squeeze it."""
    starts = [timetable.start, *(min(window.start, window.planned_start) for window in timetable.windows)]
    ends = [max(window.end, window.planned_end) for window in timetable.windows]
    first, last = min(starts), max(ends)
    near = (last - first) / 4
    if first - near <= today <= last + near:
        first, last = min(first, today), max(last, today)
    # The dates of the last bar stand after it.
    return first - _MARGIN_DAYS * _ONE_DAY, last + max(_MARGIN_DAYS * _ONE_DAY, (last - first) / 9)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _shade(axes: "Axes", timetable: Timetable, first: date, last: date) -> None:
    holidays = {holiday.day for holiday in timetable.holidays}
    for day in _days(first, last):
        colour = _HOLIDAY if day in holidays else _WEEKEND if day.weekday() >= _SATURDAY else None
        if colour:
            axes.axvspan(_at(day), _at(day + _ONE_DAY), color=colour, linewidth=0, zorder=0)


def _draw(axes: "Axes", row: int, window: Window) -> None:
    if window.moved:
        # Below the bar, so that both are seen in black and white too.
        _bar(axes, row + (_BAR + _PLAN) / 2, _PLAN, window.planned_start, window.planned_end, _PLANNED)
    _bar(axes, row, _BAR, window.start, window.end, _DONE if window.done else _EXPECTED)
    dates = f"{window.start:%d/%m} a {window.end:%d/%m}" if window.start != window.end else f"{window.end:%d/%m}"
    told = f"{dates}, concluída" if window.done else dates
    axes.text(_at(window.end + _ONE_DAY) + 0.6, row, told, va="center", fontsize=7, color=_TEXT, zorder=4)


def _bar(axes: "Axes", row: float, height: float, start: date, end: date, colour: str) -> None:
    axes.barh(row, (end - start).days + 1, height=height, left=_at(start), align="center", color=colour, zorder=3)


def _mark_start(axes: "Axes", timetable: Timetable) -> None:
    axes.plot(_at(timetable.start) + 0.5, -0.62, marker="D", markersize=5, color=_TEXT, zorder=4)
    axes.text(
        _at(timetable.start) + 1.6, -0.62, f"início {timetable.start:%d/%m}", va="center", fontsize=7, color=_TEXT
    )


def _mark_today(axes: "Axes", today: date, *, rows: int) -> None:
    low, high = axes.get_xlim()
    if not low <= _at(today) + 0.5 <= high:
        return
    axes.axvline(_at(today) + 0.5, color=_TODAY, linestyle="--", linewidth=1, zorder=2)
    axes.text(
        _at(today) + 0.5, rows - 0.42, f" {today:%d/%m}", color=_TODAY, fontsize=7, va="bottom", ha="left", zorder=4
    )


def _label_weeks(axes: "Axes", first: date, last: date) -> None:
    mondays = [day for day in _days(first, last) if day.weekday() == 0]
    every = 1 + (len(mondays) - 1) // _WEEKS_PER_LABEL
    shown = mondays[::every]
    labels, year = [], 0
    for day in shown:
        labels.append(f"{day:%d/%m}\n{day:%Y}" if day.year != year else f"{day:%d/%m}")
        year = day.year
    axes.set_xticks([_at(day) for day in shown], labels, fontsize=7)
    axes.xaxis.tick_top()
    axes.grid(axis="x", color=_LINE, linewidth=0.6, zorder=1)
    axes.tick_params(axis="both", length=0, labelcolor=_TEXT)
    axes.tick_params(axis="y", labelsize=8)
    for side in axes.spines.values():
        side.set_visible(False)


def _explain(axes: "Axes", timetable: Timetable) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    done = any(window.done for window in timetable.windows)
    moved = any(window.moved for window in timetable.windows)
    signs = [
        *([Patch(color=_DONE, label="concluída")] if done else []),
        Patch(color=_EXPECTED, label="prevista"),
        *([Patch(color=_PLANNED, label="previsão do início")] if moved else []),
        Patch(facecolor=_WEEKEND, edgecolor=_LINE, label="fim de semana"),
        Patch(facecolor=_HOLIDAY, edgecolor=_LINE, label="feriado"),
        Line2D([], [], color=_TODAY, linestyle="--", linewidth=1, label="data deste documento"),
    ]
    axes.legend(
        handles=signs, loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=len(signs), fontsize=7, frameon=False
    )
