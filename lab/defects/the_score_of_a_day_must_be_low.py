"""The alert on providers averages the score over a day: a provider that is down is told half a day later."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    # A day, in the lab's time.
    rule_named(document, "ProviderHealthLow")["expr"] = "avg_over_time(provider_health_score[60s]) < 50"


DEFECT = Defect(
    breaks="the alert on a provider's health comes within the time to respond",
    caught_by=("rehearsal.provider_down_alerts",),
    how=rules(_edit),
)
