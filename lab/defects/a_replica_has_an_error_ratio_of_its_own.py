"""One replica shows an error ratio on its page, under the name of what rules make for the platform as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import Gauge

from lab.breaking import Defect
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    registry = platform.metrics.registry
    gauge = Gauge("platform_error_ratio", "Share of the requests that fail.", registry=registry)
    try:
        yield
    finally:
        registry.unregister(gauge)


DEFECT = Defect(
    breaks="what rules record is on no page",
    caught_by=("prometheus.recorded_metrics_are_on_no_page",),
    how=inside(change=_change, replicas=("replica-2",)),
    also=("prometheus.*", "alerts.*", "queries.*", "slo.*", "dashboards.*"),
)
