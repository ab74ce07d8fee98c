"""Relabelling gives two targets the same labels."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    jobs = {job["job_name"]: job for job in document["scrape_configs"]}
    job = jobs["prometheus"]
    job["static_configs"][0]["targets"] += jobs["toxiproxy"]["static_configs"][0]["targets"]
    job["relabel_configs"] = [{"target_label": "instance", "replacement": "monitoring"}]


DEFECT = Defect(
    breaks="targets are told apart",
    caught_by=("scraping.targets_are_distinct",),
    how=prometheus_config(_edit),
    also=("prometheus.*", "alerts.*", "queries.*"),
)
