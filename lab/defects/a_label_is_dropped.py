"""Relabelling drops the provider."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    job["metric_relabel_configs"] = [{"action": "labeldrop", "regex": "provider"}]


DEFECT = Defect(
    breaks="relabelling leaves labels alone",
    caught_by=("scraping.series_survive",),
    how=prometheus_config(_edit),
    also=("prometheus.*", "slo.*", "queries.*", "alerts.*", "dashboards.*", "scraping.*"),
)
