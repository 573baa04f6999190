"""Four workers more, each for the work on the databases of one server: a pool of its own for every server."""

from lab.blocks import MAIN, SECOND
from lab.processes import Launch
from lab.worker import POOL, Worker

HEARTBEAT_SECONDS = 30
"""How often a run says that it is alive; the least that Prefect takes."""


class ScaleWorker(Worker):
    """The worker of what is not the fleet's, whose runs say that they are alive more often than by default."""

    def launch(self) -> Launch:
        plain = super().launch()
        env = {
            **plain.env,
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
            # PostgreSQL does not mind being asked.
            "PREFECT_WORKER_QUERY_SECONDS": "2",
        }
        return Launch(argv=plain.argv, cwd=plain.cwd, env=env)


class FleetWorker(ScaleWorker):
    """A worker that takes one part of the fleet at a time: a machine of its own, with its own limits."""

    def launch(self) -> Launch:
        plain = super().launch()
        # Parts are never suspended, and so never resumed: here --limit does what it says.
        return Launch(argv=(*plain.argv, "--limit", "1"), cwd=plain.cwd, env=plain.env)


def pool_of(server: str) -> str:
    """The work pool of what is done on one database server."""
    return f"{POOL}-{server}"


class FirstOfMain(FleetWorker):
    """One of the two of the first database server."""

    name = worker_name = "worker-principal-1"
    title = "Worker principal 1"
    pool = pool_of(MAIN)


class SecondOfMain(FleetWorker):
    """The other."""

    name = worker_name = "worker-principal-2"
    title = "Worker principal 2"
    needs = ("prefect", "worker-principal-1")  # which makes the pool
    pool = pool_of(MAIN)


class FirstOfSecond(FleetWorker):
    """One of the two of the second database server."""

    name = worker_name = "worker-segundo-1"
    title = "Worker segundo 1"
    pool = pool_of(SECOND)


class SecondOfSecond(FleetWorker):
    """The other."""

    name = worker_name = "worker-segundo-2"
    title = "Worker segundo 2"
    needs = ("prefect", "worker-segundo-1")
    pool = pool_of(SECOND)
