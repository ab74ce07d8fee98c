"""The panel of replicas that are up counts targets, whether they answer or not."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Replicas Up")
    panel["targets"][0]["expr"] = 'count(up{job="cad-ml-platform"})'


DEFECT = Defect(
    breaks="the panel of replicas counts those that are up",
    caught_by=("dashboards.up_is_what_answers",),
    how=dashboard("capacity", _edit),
)
