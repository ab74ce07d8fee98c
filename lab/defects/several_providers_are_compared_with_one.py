"""A panel of several providers compares them with `=`, as it did while it was repeated for each: it is empty."""

from typing import Any

from lab.breaking import Defect, dashboard, panel_titled


def _edit(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "OCR Latency P95 of $provider")
    del panel["repeat"]
    target = panel["targets"][0]
    target["expr"] = target["expr"].replace('provider=~"$provider"', 'provider="$provider"')


DEFECT = Defect(
    breaks="a panel works for every choice of its variable",
    caught_by=("dashboards.variables_offer_values",),
    how=dashboard("providers", _edit),
)
