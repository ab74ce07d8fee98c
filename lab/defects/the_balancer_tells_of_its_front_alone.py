"""Prometheus asks the load balancer for its frontends only: nothing is known of its servers."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "haproxy")
    job["params"] = {"scope": ["frontend"]}


DEFECT = Defect(
    breaks="Prometheus knows which replicas are in rotation",
    caught_by=("queries.metrics_keep_coming",),
    how=prometheus_config(_edit),
)
