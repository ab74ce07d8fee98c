"""Only the recording rules were deployed."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    for group in document["groups"]:
        group["rules"] = [rule for rule in group["rules"] if "record" in rule]
    document["groups"] = [group for group in document["groups"] if group["rules"]]


DEFECT = Defect(
    breaks="the alerting rules are loaded",
    caught_by=("alerts.loaded",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*", "routing.*", "scraping.*"),
)
