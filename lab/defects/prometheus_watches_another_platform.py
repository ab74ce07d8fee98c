"""Prometheus was pointed at something else."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    other = next(job for job in document["scrape_configs"] if job["job_name"] == "haproxy")
    job["static_configs"] = other["static_configs"]


DEFECT = Defect(
    breaks="Prometheus watches this platform",
    caught_by=("platform.prometheus",),
    how=prometheus_config(_edit),
    also=("prometheus.*", "slo.*"),
)
