"""A recorded trend takes the rate of the smoothed error rate, which is a gauge."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    new = {"record": "platform:ocr_error_trend", "expr": "rate(ocr_error_rate_ema[10s])"}
    document["groups"].append({"name": "defect", "interval": "1s", "rules": [new]})


DEFECT = Defect(
    breaks="rates are of counters",
    caught_by=("queries.rates_are_of_counters",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
