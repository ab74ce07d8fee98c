"""The recorded error ratio has the failures of vision alone."""

import re
from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    # The rules are scaled by now: the window is that of what it is divided by.
    window = re.search(r"\[\w+\]", rule_named(document, "platform:requests:rate5m")["expr"])
    assert window is not None
    failed = f'sum(rate(vision_requests_total{{status!~"success|input_error"}}{window.group()})) or vector(0)'
    rule_named(document, "platform_error_ratio")["expr"] = f"({failed}) / (platform:requests:rate5m > 0)"


DEFECT = Defect(
    breaks="the error ratio is what the replicas count",
    caught_by=("chaos.two_providers_down.burns",),
    how=rules(_edit),
    also=("chaos.*",),
    chaos="two_providers_down",
)
