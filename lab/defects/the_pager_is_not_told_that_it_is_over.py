"""The pager is not told when an alert is over."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    pager = next(each for each in document["receivers"] if each["name"] == "pager")
    for kind, listed in pager.items():
        for one in listed if kind.endswith("_configs") else ():
            one["send_resolved"] = False


DEFECT = Defect(
    breaks="who is paged is told when it is over",
    caught_by=("routing.critical_ends_are_told",),
    how=alertmanager_config(_edit),
)
