"""A recorded trend takes the difference of a counter, which falls at each restart."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    new = {"record": "platform:ocr_requests:delta", "expr": "sum(delta(ocr_requests_total[10s]))"}
    document["groups"].append({"name": "defect", "interval": "1s", "rules": [new]})


DEFECT = Defect(
    breaks="differences are of gauges",
    caught_by=("queries.rates_are_of_counters",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
