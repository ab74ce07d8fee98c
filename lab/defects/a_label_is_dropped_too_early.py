"""A recorded rate is summed by code first and by provider afterwards."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    inner = "sum by (status) (rate(vision_requests_total[5s]))"
    new = {"record": "platform:vision_requests:rate5m", "expr": f"sum by (provider) ({inner})"}
    document["groups"].append({"name": "defect", "interval": "1s", "rules": [new]})


DEFECT = Defect(
    breaks="no rule drops a label that a later step needs",
    caught_by=("queries.labels_survive",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
