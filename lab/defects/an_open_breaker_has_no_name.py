"""The alert on a breaker names its provider, and the series has a key."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    annotations = rule_named(document, "CircuitBreakerOpen")["annotations"]
    annotations["summary"] = "The circuit breaker of {{ $labels.provider }} is open"
    annotations["description"] = "The breaker of {{ $labels.provider }} is open on {{ $value }} replica(s)."


DEFECT = Defect(
    breaks="an alert on a breaker says which one",
    caught_by=("queries.labels_survive",),
    how=rules(_edit),
)
