"""A second job scrapes the same replicas: every sum over them is twice what it should be."""

import copy
from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    again = copy.deepcopy(job)
    again["job_name"] = "cad-ml-platform-pods"
    document["scrape_configs"].append(again)


DEFECT = Defect(
    breaks="each replica is counted once",
    caught_by=("scraping.targets_are_distinct",),
    how=prometheus_config(_edit),
    also=("prometheus.*", "alerts.*", "queries.*", "slo.*", "dashboards.*", "scraping.*"),
)
