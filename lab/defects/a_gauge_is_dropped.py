"""Relabelling drops a gauge that was thought to be of no use."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    step = {"source_labels": ["__name__"], "regex": "ocr_model_.*|.*_cache_size", "action": "drop"}
    job["metric_relabel_configs"] = [step]


DEFECT = Defect(
    breaks="relabelling leaves series alone",
    caught_by=("scraping.series_survive",),
    how=prometheus_config(_edit),
    also=("queries.*", "alerts.*", "dashboards.*"),
)
