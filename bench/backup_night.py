"""One night of the product for one environment, in a process of its own, as a worker runs it.

    python -m bench.backup_night ENVIRONMENT

It prints one JSON object with `whole` in seconds, and each stage's. What the process takes to have its libraries is not
in it: the fleet's night has them once for all.
"""

import sys
from time import monotonic

from cli.output import print_json


def run(environment: str) -> dict[str, float]:
    """Connect as any program of the product, then carry the night out."""
    from cli.prefect import connect

    connect()
    import blocks.expectations  # noqa: F401  # five seconds, once for the whole fleet's night
    from domain.errors import IntegrityError
    from tasks.backup_cycle import back_up
    from tasks.instance import load_instance

    instance = load_instance(environment)
    started = monotonic()
    certificate = back_up(instance)
    seconds = monotonic() - started
    if not certificate.proved:
        raise IntegrityError("A cópia foi recusada", environment, certificate.reasons)
    return {"whole": seconds, **certificate.seconds}


if __name__ == "__main__":
    print_json(run(sys.argv[1]))
