"""Grafana's data source names an address where nothing listens: every panel is empty."""

from typing import Any

from lab.breaking import Defect, data_sources


def _edit(document: dict[str, Any]) -> None:
    document["datasources"][0]["url"] = "http://127.0.0.1:9"


DEFECT = Defect(
    breaks="Grafana reaches its data sources",
    caught_by=("dashboards.data_sources",),
    how=data_sources(_edit),
)
