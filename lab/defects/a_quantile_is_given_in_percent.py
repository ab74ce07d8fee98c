"""A recorded quantile asks for the 95 instead of the 0.95 quantile, which is infinite."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    buckets = "sum by (le) (rate(vision_processing_duration_seconds_bucket[5s]))"
    new = {"record": "vision_p95_latency_seconds", "expr": f"histogram_quantile(95, {buckets})"}
    document["groups"].append({"name": "defect", "interval": "1s", "rules": [new]})


DEFECT = Defect(
    breaks="each quantile is one that there is",
    caught_by=("queries.quantiles_have_buckets",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
