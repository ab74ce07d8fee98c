"""The address of an exporter has changed, and Prometheus was not told."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "toxiproxy")
    job["static_configs"][0]["targets"] = ["127.0.0.1:9"]


DEFECT = Defect(
    breaks="every target is up",
    caught_by=("scraping.targets_up",),
    how=prometheus_config(_edit),
    also=("alerts.*", "queries.*"),
)
