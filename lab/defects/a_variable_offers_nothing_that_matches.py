"""The variable of providers keeps only values that nothing has: it offers nothing."""

from typing import Any

from lab.breaking import Defect, dashboard


def _edit(document: dict[str, Any]) -> None:
    variable = next(each for each in document["templating"]["list"] if each["name"] == "provider")
    variable["regex"] = "/^gpt-.*/"


DEFECT = Defect(
    breaks="variables offer values",
    caught_by=("dashboards.variables_offer_values",),
    how=dashboard("providers", _edit),
)
