"""Relabelling drops the one bucket by which the latency objective is judged."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    step = {"source_labels": ["__name__", "le"], "regex": "ocr_.*_bucket;2([.]0)?", "action": "drop"}
    job["metric_relabel_configs"] = [step]


DEFECT = Defect(
    breaks="relabelling leaves the bucket of the objective",
    caught_by=("scraping.buckets_survive",),
    how=prometheus_config(_edit),
    also=("prometheus.*", "slo.*", "queries.*", "alerts.*", "dashboards.*"),
)
