"""Requests are summed over all replicas before the rate is taken: each restart looks like a restart of all."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    total = {"record": "platform:ocr_requests:sum", "expr": "sum(ocr_requests_total)"}
    rate = {"record": "platform:ocr_requests:sum_rate", "expr": "rate(platform:ocr_requests:sum[10s])"}
    document["groups"].append({"name": "defect", "interval": "1s", "rules": [total, rate]})


DEFECT = Defect(
    breaks="rates are taken one by one",
    caught_by=("queries.rates_are_of_counters",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
