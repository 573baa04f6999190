"""`/metrics` for Prometheus: how the monitoring last saw everything, for this machine alone."""

from collections.abc import Iterator
from http import HTTPStatus
from ipaddress import ip_address

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException

from domain.monitoring.metrics import METRICS, samples_of

PATH = "/metrics"


class MonitoringCollector(Collector):
    """The registry's states as gauges, read anew at each scrape."""

    def collect(self) -> Iterator[Metric]:
        """Every gauge, in one order, with its samples.

        Raises:
            RetryableError: the registry does not answer.
        """
        from tasks import doors  # noqa: PLC0415  # three seconds of libraries, which probes need not wait for

        families = {one.name: GaugeMetricFamily(one.name, one.documentation, labels=one.labels) for one in METRICS}
        for sample in samples_of(doors.registry().monitoring.states()):
            families[sample.metric.name].add_metric(sample.labels, sample.value)
        yield from families.values()


def exposition() -> bytes:
    """Everything, in Prometheus' text format. Raises as `MonitoringCollector`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(MonitoringCollector())
    return generate_latest(registry)


async def metrics(request: Request) -> Response:
    """Answer who asks from this machine; to whoever came through the edge there is no such page."""
    if not _is_local(request):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return Response(await run_in_threadpool(exposition), media_type=CONTENT_TYPE_LATEST)


def _is_local(request: Request) -> bool:
    if "x-forwarded-for" in request.headers or request.client is None:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
