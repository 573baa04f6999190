"""The fleet's versions as a picture: how many environments have each, and which is the state's."""

from io import BytesIO

from blocks.gantt_picture import WIDTH_MM
from domain.campaign.version_map import VersionMap

_MM_PER_INCH = 25.4
_ROW_MM, _EDGES_MM = 11, 26
_DOTS_PER_INCH = 120
_BAR = 0.6
_STATE, _OTHER, _WRONG, _TEXT = "#1b5e20", "#5b8db8", "#b71c1c", "#222222"


def draw_versions(found: VersionMap) -> bytes:
    """A PNG, equal for equal arguments: a bar a version, the newest on top; what does not go together is red."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  # half a second that few runs need
    from matplotlib.figure import Figure  # noqa: PLC0415

    counts = found.counts
    height = _EDGES_MM + _ROW_MM * max(len(counts), 1)
    figure = Figure(figsize=(WIDTH_MM / _MM_PER_INCH, height / _MM_PER_INCH), dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    wrong = {version: sum((row.sei or "?") == version for row in found.unsupported) for version in counts}
    for row, (version, number) in enumerate(counts.items()):
        axes.barh(row, number, height=_BAR, color=_STATE if version == found.state else _OTHER)
        axes.barh(row, wrong[version], height=_BAR, color=_WRONG)
        told = f" {number}" + (f", {wrong[version]} com combinação não suportada" if wrong[version] else "")
        axes.text(number, row, told, va="center", fontsize=8, color=_TEXT)
    labels = [f"{version} (estado)" if version == found.state else version for version in counts]
    axes.set_yticks(range(len(counts)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, max(counts.values(), default=1) * 1.35)
    axes.set_title(f"Ambientes por versão do SEI em {found.day:%d/%m/%Y}", fontsize=9, color=_TEXT)
    axes.tick_params(axis="both", length=0, labelsize=7, labelcolor=_TEXT)
    for side in axes.spines.values():
        side.set_visible(False)
    made = BytesIO()
    figure.savefig(made, format="png", metadata={"Software": None})
    return made.getvalue()
