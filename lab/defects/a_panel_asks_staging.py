"""A second data source for staging is there, sound, and one panel was left pointing at it."""

from typing import Any

from lab.breaking import Defect, both, dashboard, data_sources, panel_titled

_UID = "prometheus-staging"


def _add(document: dict[str, Any]) -> None:
    document["datasources"].append(
        {
            "name": "Prometheus (staging)",
            "uid": _UID,
            "type": "prometheus",
            "access": "proxy",
            "url": "$RECEIVER_URL/elsewhere",
            "isDefault": False,
            "editable": False,
            "jsonData": {"httpMethod": "POST", "timeInterval": "15s"},
        }
    )


def _point(document: dict[str, Any]) -> None:
    panel = panel_titled(document, "Vision Latency P95")
    panel["datasource"]["uid"] = _UID
    for target in panel["targets"]:
        target["datasource"]["uid"] = _UID


DEFECT = Defect(
    breaks="panels ask the Prometheus that has the platform's metrics",
    caught_by=("dashboards.data_sources",),
    how=both(data_sources(_add), dashboard("performance", _point)),
    also=("dashboards.*",),
)
