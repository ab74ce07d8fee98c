"""The recorded share of open breakers is half of what it is."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "circuit_breaker_open_ratio")["expr"] = "avg(ocr_circuit_state == bool 2) / 2"


DEFECT = Defect(
    breaks="the share of open breakers is that of the breakers",
    caught_by=("chaos.provider_down_paddle.ratio",),
    how=rules(_edit),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
