"""A recorded quantile mixes the buckets of OCR with those of the classifier, which have other bounds."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    ocr = "sum by (le) (rate(ocr_processing_duration_seconds_bucket[5s]))"
    classifier = "sum by (le) (rate(classification_latency_seconds_bucket[5s]))"
    new = {"record": "platform_p95_latency_seconds", "expr": f"histogram_quantile(0.95, {ocr} or {classifier})"}
    document["groups"].append({"name": "defect", "interval": "1s", "rules": [new]})


DEFECT = Defect(
    breaks="each quantile is of one histogram",
    caught_by=("queries.quantiles_have_buckets",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
