"""The alert on an open breaker goes on for hours after it is closed."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    for name in ("CircuitBreakerOpen", "CircuitBreakersOpen"):
        rule_named(document, name)["keep_firing_for"] = "120s"


DEFECT = Defect(
    breaks="an alert ends when what it tells of is over",
    caught_by=("chaos.provider_down_paddle.alerted",),
    how=rules(_edit),
    also=("chaos.*",),
    chaos="provider_down_paddle",
)
