"""The file of recording rules was left out of a deployment."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    for group in document["groups"]:
        group["rules"] = [rule for rule in group["rules"] if "alert" in rule]
    document["groups"] = [group for group in document["groups"] if group["rules"]]


DEFECT = Defect(
    breaks="the key metrics are recorded",
    caught_by=(
        "prometheus.platform_error_ratio",
        "prometheus.provider_health_score",
        "prometheus.ocr_p95_latency_seconds",
        "prometheus.slo_availability",
        "prometheus.error_budget_remaining",
        "prometheus.circuit_breaker_open_ratio",
        "queries.metrics_exist",
        "queries.manual_error_ratio",
        "queries.manual_provider_health",
        "queries.manual_health_of_a_provider",
        "queries.manual_availability",
        "queries.manual_latency",
    ),
    how=rules(_edit),
    also=("prometheus.*", "slo.*", "rehearsal.*", "alerts.*"),
)
