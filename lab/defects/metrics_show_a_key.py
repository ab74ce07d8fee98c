"""A metric has a label with the API key of each client."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import Counter

from lab.breaking import Defect
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    registry = platform.metrics.registry
    requests = Counter("client_requests", "Requests of each client.", ("client",), registry=registry)
    for key in platform.settings.api_keys:
        requests.labels(client=key).inc()
    try:
        yield
    finally:
        registry.unregister(requests)


DEFECT = Defect(
    breaks="metrics show no credential",
    caught_by=("security.no_secrets_in_metrics",),
    how=inside(change=_change, replicas=("replica-3",)),
)
