"""The data source got a new uid, and the panels name the old one."""

from typing import Any

from lab.breaking import Defect, data_sources


def _edit(document: dict[str, Any]) -> None:
    document["datasources"][0] |= {"uid": "prometheus-main", "name": "Prometheus (main)"}


DEFECT = Defect(
    breaks="every panel has a data source that exists",
    caught_by=("dashboards.data_sources",),
    how=data_sources(_edit),
)
