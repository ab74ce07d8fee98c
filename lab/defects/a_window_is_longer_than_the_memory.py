"""A rule looks back further than samples are kept."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    rule = {"record": "platform:requests:week", "expr": "avg_over_time(platform:requests:rate5m[1d:1m] offset 6d)"}
    document["groups"][0]["rules"].append(rule)


DEFECT = Defect(
    breaks="samples are kept long enough",
    caught_by=("scraping.retention",),
    how=rules(_edit),
    also=("queries.*", "alerts.*"),
)
