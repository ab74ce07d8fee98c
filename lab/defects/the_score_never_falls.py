"""The health score takes away errors that it looks for under a status that no platform has."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    for rule in (rule for group in document["groups"] for rule in group["rules"]):
        if rule.get("record") == "platform:provider_errors:rate5m":
            rule["expr"] = rule["expr"].replace('!~"success|input_error"', '="FAILED"')


DEFECT = Defect(
    breaks="the health score of a provider that fails is low",
    caught_by=("rehearsal.provider_fails_signals", "rehearsal.provider_fails_alerts"),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
