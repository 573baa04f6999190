"""One import of users in a process of its own, as a worker runs it.

    python -m bench.users_import ENVIRONMENT [MODULE]

It prints one JSON object: `start`, `whole` and `standin` in seconds, `changed` and `memory` in MiB. `start` is what the
process takes to have its libraries, those that the import only loads when it needs them, in MODULE, among them. Nobody
is written to.
"""

import importlib
import re
import sys
from pathlib import Path
from time import monotonic

from cli.output import print_json, talk

KIB_PER_MIB = 1024
REPLICATION = "replicação para o SEI"


def run(environment: str, *modules: str) -> dict[str, float]:
    """Import the newest spreadsheet of an environment's prefeitura, and prove it; `modules` are loaded beforehand."""
    began = monotonic()
    from cli.prefect import connect

    connect()
    from prefect import flow

    from domain.report import StepResult
    from flows.stage import carry_out
    from flows.users import PROCEDURE
    from tasks.users import prove_users
    from tasks.users_plan import open_import

    @flow(name="importação medida")
    def import_all() -> tuple[StepResult, ...]:
        report = open_import(environment)
        if report.waiting_for:
            raise RuntimeError(report.waiting_for[0])
        steps = carry_out(PROCEDURE, environment)
        prove_users(environment)
        return steps

    for module in modules:
        importlib.import_module(module)
    started = monotonic()
    steps = import_all()
    whole = monotonic() - started
    for step in steps:
        talk.print(f"{step.name}: {step.change}, {step.seconds:.1f} s", highlight=False)
    return {
        "start": started - began,
        "whole": whole,
        "standin": sum(step.seconds for step in steps if step.name == REPLICATION),
        "changed": sum(step.change.total for step in steps),
        "memory": _peak_mib(),
    }


def _peak_mib() -> float:
    # Not getrusage: its maximum begins with what the parent had when it started this process.
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    if found is None:
        raise RuntimeError("/proc/self/status says nothing of VmHWM")
    return int(found[1]) / KIB_PER_MIB


if __name__ == "__main__":
    print_json(run(*sys.argv[1:]))
