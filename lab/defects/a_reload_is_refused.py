"""The last change of Prometheus' configuration is not in force: it has a mistake."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    document["scrape_configs"].append({"job_name": "cad-ml-platform"})


DEFECT = Defect(
    breaks="Prometheus runs with its latest configuration",
    caught_by=("prometheus.configuration_loaded",),
    how=prometheus_config(_edit, refused=True),
)
