"""A recorded quantile is made of buckets that were summed by provider alone."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    buckets = "sum by (provider) (rate(vision_processing_duration_seconds_bucket[5s]))"
    new = {"record": "vision_p95_latency_seconds", "expr": f"histogram_quantile(0.95, {buckets})"}
    document["groups"].append({"name": "defect", "interval": "1s", "rules": [new]})


DEFECT = Defect(
    breaks="each quantile has its buckets",
    caught_by=("queries.quantiles_have_buckets",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
