"""A recorded rate looks back over a second and a half, in which there is one scrape."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    new = {"record": "platform:vision_requests:rate15s", "expr": "sum(rate(vision_requests_total[1500ms]))"}
    document["groups"].append({"name": "defect", "interval": "1s", "rules": [new]})


DEFECT = Defect(
    breaks="each window holds two scrapes",
    caught_by=("queries.windows_hold_two_scrapes",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
