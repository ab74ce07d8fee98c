"""The Main Overview was saved with a time range that ends an hour ago."""

from typing import Any

from lab.breaking import Defect, dashboard


def _edit(document: dict[str, Any]) -> None:
    document["time"] = {"from": "now-7h", "to": "now-1h"}


DEFECT = Defect(
    breaks="the Main Overview shows what is now",
    caught_by=("dashboards.open_on_now",),
    how=dashboard("observability", _edit),
)
