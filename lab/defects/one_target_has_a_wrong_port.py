"""A target of Prometheus has a wrong port."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    job["static_configs"][0]["targets"][0] = "127.0.0.1:9"


DEFECT = Defect(
    breaks="every target is up",
    caught_by=("prometheus.replicas_scraped",),
    how=prometheus_config(_edit),
    also=("health.every_replica_serves",),
)
