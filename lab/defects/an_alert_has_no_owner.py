"""An alert does not say who acts on it."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    del rule_named(document, "RedisDown")["labels"]["owner"]


DEFECT = Defect(
    breaks="every alert has an owner",
    caught_by=("alerts.owners",),
    how=rules(_edit),
)
