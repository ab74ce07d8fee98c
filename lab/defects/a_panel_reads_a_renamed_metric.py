"""A panel reads a metric by a name that it had once."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Requests")
    panel["targets"][1]["expr"] = "sum by (status) (rate(vision_request_total[5m]))"


DEFECT = Defect(
    breaks="panels show what there is",
    caught_by=("dashboards.queries_have_data",),
    how=dashboard("observability", _edit),
)
