"""An alert wants a score that is below 50 and above 80 at once."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ProviderHealthLow")
    rule["expr"] = "provider_health_score < 50 and provider_health_score > 80"


DEFECT = Defect(
    breaks="the alert on providers can fire",
    caught_by=("alerts.can_fire", "alerts.watch_provider_health"),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
