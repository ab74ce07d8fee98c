"""Prometheus does not scrape itself."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    document["scrape_configs"] = [job for job in document["scrape_configs"] if job["job_name"] != "prometheus"]


DEFECT = Defect(
    breaks="Prometheus scrapes itself",
    caught_by=("scraping.watches_prometheus",),
    how=prometheus_config(_edit),
    also=("queries.*", "alerts.*", "routing.*"),
)
