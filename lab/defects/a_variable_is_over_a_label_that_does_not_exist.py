"""The variable of providers reads a label that the metric does not have: it offers nothing."""

from typing import Any

from lab.breaking import Defect, dashboard


def _edit(document: dict[str, Any]) -> None:
    variable = next(each for each in document["templating"]["list"] if each["name"] == "provider")
    variable["query"]["query"] = "label_values(ocr_requests_total, providr)"


DEFECT = Defect(
    breaks="variables offer values",
    caught_by=("dashboards.variables_offer_values",),
    how=dashboard("providers", _edit),
)
