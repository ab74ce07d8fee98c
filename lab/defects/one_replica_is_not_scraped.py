"""A replica was added, and Prometheus was not told."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    del job["static_configs"][0]["targets"][-1]


DEFECT = Defect(
    breaks="Prometheus scrapes every replica",
    caught_by=("prometheus.replicas_scraped",),
    how=prometheus_config(_edit),
    also=("health.every_replica_serves",),
)
