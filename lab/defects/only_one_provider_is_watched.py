"""The alert on the health score looks at one provider."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ProviderHealthLow")
    rule["expr"] = 'provider_health_score{provider="paddle"} < 50'


DEFECT = Defect(
    breaks="every provider is watched",
    caught_by=("alerts.watch_provider_health",),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
