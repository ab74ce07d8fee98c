"""A relabelling that was to reduce cardinality gives every bucket the same bound."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    flatten = {"source_labels": ["__name__"], "regex": ".*_bucket", "target_label": "le", "replacement": "inf"}
    job["metric_relabel_configs"] = [flatten]


DEFECT = Defect(
    breaks="Prometheus has every bucket",
    caught_by=("prometheus.same_samples", "queries.quantiles_have_buckets"),
    how=prometheus_config(_edit),
    also=("slo.*", "prometheus.*", "queries.*"),
)
