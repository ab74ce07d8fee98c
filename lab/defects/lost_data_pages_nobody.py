"""The alert on Postgres is a warning, although data is being lost."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "PostgresDown")["labels"]["severity"] = "warning"


DEFECT = Defect(
    breaks="data loss pages",
    caught_by=("alerts.watch_history",),
    how=rules(_edit),
)
