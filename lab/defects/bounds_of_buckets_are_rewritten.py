"""To have fewer series, all buckets were given the same bound."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    step = {"source_labels": ["__name__"], "regex": ".*_bucket", "target_label": "le", "replacement": "inf"}
    job["metric_relabel_configs"] = [step]


DEFECT = Defect(
    breaks="relabelling leaves buckets alone",
    caught_by=("scraping.buckets_survive",),
    how=prometheus_config(_edit),
    also=("prometheus.*", "slo.*", "queries.*", "alerts.*", "dashboards.*"),
)
