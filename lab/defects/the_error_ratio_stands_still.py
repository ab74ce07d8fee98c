"""The error ratio is a number that somebody wrote down: inside every threshold, whatever happens."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "platform_error_ratio")["expr"] = "vector(0.04)"


DEFECT = Defect(
    breaks="the error ratio is that of the requests",
    caught_by=("prometheus.error_ratio_is_of_the_requests",),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*", "queries.*", "slo.*", "dashboards.*"),
)
