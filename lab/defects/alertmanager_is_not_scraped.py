"""Prometheus does not scrape Alertmanager."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    document["scrape_configs"] = [job for job in document["scrape_configs"] if job["job_name"] != "alertmanager"]


DEFECT = Defect(
    breaks="Prometheus scrapes Alertmanager",
    caught_by=("scraping.watches_alertmanager",),
    how=prometheus_config(_edit),
    also=("queries.*", "alerts.*", "routing.*"),
)
