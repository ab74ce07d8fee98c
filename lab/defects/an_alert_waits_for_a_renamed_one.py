"""An alert is held back while another one fires, under a name that the other one no longer has."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    group = next(group for group in document["groups"] if group["name"] == "alerts-watching")
    group["rules"].append(
        {
            "alert": "PlatformGoneForLong",
            "expr": 'ALERTS{alertname="PlatformIsGoneForGood", alertstate="firing"} == 1',
            "for": "1m",
            "labels": {"severity": "warning", "owner": "devops", "subject": "availability-followed"},
            "annotations": {
                "summary": "The platform has been gone for a while",
                "description": "It has been gone for a while (value {{ $value }}).",
                "runbook_url": "docs/runbooks/platform_down.md",
            },
        }
    )


DEFECT = Defect(
    breaks="every value of a label that a loaded rule asks for exists",
    caught_by=("queries.values_exist",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*", "routing.*"),
)
