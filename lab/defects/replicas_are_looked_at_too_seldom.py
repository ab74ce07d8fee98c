"""Prometheus looks at the replicas every half minute."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    job["scrape_interval"] = "40s"


DEFECT = Defect(
    breaks="that a replica is gone is noticed soon",
    caught_by=("chaos.replica_killed.noticed",),
    how=prometheus_config(_edit),
    also=("chaos.*",),
    chaos="replica_killed",
)
