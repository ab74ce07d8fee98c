"""A relabelling that was to save space drops a counter that alerts are built on."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    drop = {"source_labels": ["__name__"], "regex": "compare_requests_total", "action": "drop"}
    job["metric_relabel_configs"] = [drop]


DEFECT = Defect(
    breaks="Prometheus has every promised counter",
    caught_by=("prometheus.same_samples",),
    how=prometheus_config(_edit),
    also=("slo.compare_failures",),
)
