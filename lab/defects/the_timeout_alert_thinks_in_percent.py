"""The alert on timeouts compares a share with a number of percent: it never fires."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ProviderTimeouts")
    rule["expr"] = rule["expr"].replace("> 0.05", "> 5")


DEFECT = Defect(
    breaks="every alert on what scenarios move fires in one of them",
    caught_by=("rehearsal.no_alert_sleeps",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
