"""Relabelling drops everything that one replica says."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    replica = job["static_configs"][0]["targets"][-1]
    step = {"source_labels": ["instance"], "regex": replica, "action": "drop"}
    job["metric_relabel_configs"] = [step]


DEFECT = Defect(
    breaks="every scrape gives samples",
    caught_by=("scraping.samples_in_bounds", "scraping.series_survive"),
    how=prometheus_config(_edit),
    also=("prometheus.*", "scraping.*"),
)
