"""The breakdown of error codes is no longer on the Main Overview."""

from typing import Any

from lab.breaking import Defect, dashboard


def _edit(document: dict[str, Any]) -> None:
    document["panels"] = [each for each in document["panels"] if each["title"] != "Provider Error Code Breakdown"]


DEFECT = Defect(
    breaks="the panels that the manual names are on the Main Overview",
    caught_by=("dashboards.panel_error_codes",),
    how=dashboard("observability", _edit),
)
