"""The group of alerts on comparisons was lost."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    document["groups"] = [group for group in document["groups"] if group["name"] != "alerts-compare"]


DEFECT = Defect(
    breaks="failing comparisons are watched",
    caught_by=("alerts.watch_compare_failures", "alerts.watch_compare_not_found"),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
