"""Relabelling drops the bucket that holds everything."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    step = {"source_labels": ["__name__", "le"], "regex": "ocr_.*_bucket;[+]Inf", "action": "drop"}
    job["metric_relabel_configs"] = [step]


DEFECT = Defect(
    breaks="relabelling leaves buckets alone",
    caught_by=("scraping.buckets_survive",),
    how=prometheus_config(_edit),
    also=("prometheus.*", "slo.*", "queries.*", "alerts.*", "dashboards.*"),
)
