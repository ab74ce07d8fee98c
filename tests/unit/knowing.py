"""Knowledge of a small platform, for the tests of what is derived from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from selfcheck import promql
from selfcheck.families import FamilyOf, Quantity, families, quantities
from selfcheck.knowledge import Knowledge, Recorded
from tests.unit.making import promise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TARGET = {"job": "app", "instance": "app-1:8000"}
FAMILIES: Mapping[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "ocr_requests_total": ("counter", {"provider": "[a-z_]+", "status": "[a-z_]+"}, {}),
    "ocr_errors_total": ("counter", {"provider": "[a-z_]+", "code": ("PROVIDER_TIMEOUT", "INTERNAL_ERROR")}, {}),
    "ocr_processing_duration_seconds": ("histogram", {"provider": "[a-z_]+"}, {}),
    "ocr_model_loaded": ("gauge", {"provider": "[a-z_]+"}, {"one_of": (0.0, 1.0)}),
    "ocr_error_rate_ema": ("gauge", {}, {"minimum": 0, "maximum": 1, "always": True}),
    "ocr_rate_limited_total": ("counter", {}, {"always": True}),
}
QUANTITIES = {
    "platform_error_ratio": ("ratio", 0, 1),
    "provider_health_score": ("score", 0, 100),
    "ocr_p95_latency_seconds": ("seconds", 0, 600),
    "error_budget_remaining": ("ratio", None, 1),
}
TYPES = {
    "node_cpu_seconds_total": "counter",
    "node_memory_MemAvailable_bytes": "gauge",
    "node_memory_MemTotal_bytes": "gauge",
    "node_filesystem_avail_bytes": "gauge",
    "node_filesystem_size_bytes": "gauge",
    "node_network_receive_errs_total": "counter",
    "redis_memory_used_bytes": "gauge",
    "redis_memory_max_bytes": "gauge",
    "redis_commands_processed_total": "counter",
    "process_start_time_seconds": "gauge",
    "http_request_duration_seconds": "histogram",
    "rpc_duration_seconds": "summary",
    "go_gc_duration_seconds": "summary",
    "kube_pod_container_status_restarts_total": "counter",
    "kube_pod_info": "gauge",
    "kube_job_status_failed": "gauge",
    "native_latency_seconds": "histogram",
}
SERIES: Mapping[str, list[dict[str, str]]] = {
    "up": [TARGET, {"job": "redis", "instance": "redis:9121"}],
    "ocr_requests_total": [
        {**TARGET, "provider": "paddle", "status": status} for status in ("success", "error", "input_error")
    ],
    "ocr_model_loaded": [{**TARGET, "provider": "paddle"}],
    "ocr_processing_duration_seconds_bucket": [
        {**TARGET, "provider": "paddle", "le": le} for le in ("0.5", "1.0", "2.0", "30.0", "+Inf")
    ],
    "ocr_processing_duration_seconds_count": [{**TARGET, "provider": "paddle"}],
    "http_request_duration_seconds_bucket": [{**TARGET, "handler": "/", "le": le} for le in ("1", "5", "+Inf")],
    "http_request_duration_seconds_count": [{**TARGET, "handler": "/"}],
    "rewritten_seconds_bucket": [{**TARGET, "le": "inf"}],
    "redis_up": [{"job": "redis", "instance": "redis:9121"}],
    "redis_memory_used_bytes": [{"job": "redis", "instance": "redis:9121"}],
    "redis_memory_max_bytes": [{"job": "redis", "instance": "redis:9121"}],
    "redis_commands_processed_total": [{"job": "redis", "instance": "redis:9121"}],
    "node_cpu_seconds_total": [
        {"job": "node", "instance": "n", "cpu": cpu, "mode": mode} for cpu in "01" for mode in ("idle", "user")
    ],
    "kube_pod_info": [{"job": "kube", "instance": "k", "namespace": "n", "pod": "p", "node": "n"}],
    "kube_pod_container_status_restarts_total": [
        {"job": "kube", "instance": "k", "namespace": "n", "pod": "p", "container": "c"}
    ],
}
RULES = {
    "app:requests:rate5m": "sum by (provider) (rate(ocr_requests_total[5m]))",
    "app:errors:rate5m": 'sum by (provider) (rate(ocr_requests_total{status="error"}[5m]))',
    "app:requests:total": "sum by (provider) (ocr_requests_total)",
    "app:error_ratio": "sum(app:errors:rate5m) / sum(app:requests:rate5m)",
    "platform_error_ratio": 'sum(rate(ocr_requests_total{status="error"}[5m])) / sum(rate(ocr_requests_total[5m]))',
    "app:error_percent": (
        '100 * sum(rate(ocr_requests_total{status="error"}[5m])) / sum(rate(ocr_requests_total[5m]))'
    ),
}


class _Contract:
    """Stands in for a contract: only its promises are asked for."""

    def __init__(self, promises: Iterable[FamilyOf | Quantity]) -> None:
        self._promises = list(promises)

    def all_promises(self) -> list[tuple[str, FamilyOf | Quantity]]:
        return [("area.kind", each) for each in self._promises]


def promised_families() -> dict[str, FamilyOf]:
    """Make the families by sample name."""
    made = [
        promise(FamilyOf, name=name, type=type_, labels=labels, **more)
        for name, (type_, labels, more) in FAMILIES.items()
    ]
    return families(_Contract(made))  # type: ignore[arg-type]


def knowledge(rules: Mapping[str, str] = RULES, series: Mapping[str, list[dict[str, str]]] = SERIES) -> Knowledge:
    """Make the knowledge of the small platform: scrapes each 15 s, rules each 30 s."""
    made = [
        promise(Quantity, query=name, unit=unit, minimum=low, maximum=high)
        for name, (unit, low, high) in QUANTITIES.items()
    ]
    return Knowledge(
        families=promised_families(),
        quantities=quantities(_Contract(made)),  # type: ignore[arg-type]
        recorded={name: (Recorded(f"g/{name}", promql.parse(text), {}, 30.0),) for name, text in rules.items()},
        types={name: (type_,) for name, type_ in TYPES.items()},
        series=series,
        intervals={"app": 15.0, "redis": 15.0, "node": 15.0, "kube": 30.0},
    )
