"""Grafana's data source leads to another Prometheus, which answers and knows nothing of the platform."""

from typing import Any

from lab.breaking import Defect, data_sources


def _edit(document: dict[str, Any]) -> None:
    document["datasources"][0]["url"] = "$RECEIVER_URL/elsewhere"


DEFECT = Defect(
    breaks="Grafana asks the Prometheus that watches the platform",
    caught_by=("dashboards.data_sources",),
    how=data_sources(_edit),
)
