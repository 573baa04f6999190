"""What a sweep of the monitoring takes over a whole state, and whether an environment costs as much in a small one."""

import os
from statistics import median
from time import monotonic, process_time

from bench.private_lab import private_lab
from bench.result import BenchResult, Figure, Ratio
from cli.output import talk

FLEET = 853
SMALL = 50
LIMIT_SECONDS = 180.0
FLAT = 1.25
_SWEEPS = {SMALL: 9, FLEET: 3}


def measure() -> BenchResult:
    """Sweep a fleet of 50 environments, and then one of 853, through real servers; the medians of some sweeps each."""
    count = int(os.environ.get("IMPLANTA_BENCH_ENVIRONMENTS", FLEET))
    with private_lab():
        figures = measure_sweep(count)
    return BenchResult(
        name="sweep",
        figures=figures,
        ratios={
            "sweep_over_3_minutes": Ratio(value=figures["sweep"].value / LIMIT_SECONDS, limit=1),
            "each_over_each_of_50": Ratio(value=figures["each"].value / figures["each_of_50"].value, limit=FLAT),
        },
    )


def measure_sweep(count: int) -> dict[str, Figure]:
    """The figures of a fleet of this many environments, on the installation that this process is connected to.

    `sweep` and `each` are of the whole fleet, `…_of_50` of its first fifty; `not_reached` is how many the last
    sweep did not come to, and `bad` how many probes failed in it.
    """
    from bench.sweep_fleet import grow, make_first
    from flows.monitoring import monitoring

    first = make_first()
    grow(first, 1, SMALL)
    small = _seconds(SMALL)
    grow(first, SMALL, count)
    talk.print(f"{count} ambientes", highlight=False)
    began = process_time()
    large = _seconds(count)
    cpu = (process_time() - began) / (_SWEEPS[FLEET] + 1)
    report = monitoring()
    return {
        "environments": Figure(value=report.environments, unit="environments"),
        "sweep": Figure(value=median(large), unit="s"),
        "sweep_worst": Figure(value=max(large), unit="s"),
        "each": Figure(value=1000 * median(large) / count, unit="ms"),
        "sweep_of_50": Figure(value=median(small), unit="s"),
        "each_of_50": Figure(value=1000 * median(small) / SMALL, unit="ms"),
        "cpu": Figure(value=cpu, unit="s"),
        "not_reached": Figure(value=len(report.unreached), unit="environments"),
        "bad": Figure(value=len(report.troubles), unit="probes"),
    }


def _seconds(count: int) -> list[float]:
    """Wall seconds of whole runs of the flow; the first one warms what only the first run pays, and is not counted."""
    from flows.monitoring import monitoring

    taken = []
    for _ in range(_SWEEPS[SMALL if count == SMALL else FLEET] + 1):
        began = monotonic()
        monitoring()
        taken.append(monotonic() - began)
    return taken[1:]
