"""The share of slow requests of half an hour counts failed ones: copied from the availability."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "platform:ocr_slow_ratio:rate30m")
    rule["expr"] = rule["expr"].replace("platform:ocr_slow:rate5m", "platform:errors:rate5m")


DEFECT = Defect(
    breaks="each window of the slow requests is of slow requests",
    caught_by=("queries.windows_are_of_one_thing",),
    how=rules(_edit),
)
