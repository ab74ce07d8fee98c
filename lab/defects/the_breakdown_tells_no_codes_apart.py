"""The panel of the providers' error codes shows their sum alone."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    for target in panel_titled(document, "Provider Error Code Breakdown")["targets"]:
        target["expr"] = "sum(rate(ocr_errors_total[5m]))"


DEFECT = Defect(
    breaks="error codes are told apart",
    caught_by=("dashboards.panel_error_codes",),
    how=dashboard("observability", _edit),
)
