"""A panel uses a variable by a name that it had once."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "OCR Latency P95 of $provider")
    expression = panel["targets"][0]["expr"]
    panel["targets"][0]["expr"] = expression.replace("$provider", "$engine")


DEFECT = Defect(
    breaks="variables exist",
    caught_by=("dashboards.variables_offer_values",),
    how=dashboard("providers", _edit),
    also=("dashboards.queries_have_data",),
)
