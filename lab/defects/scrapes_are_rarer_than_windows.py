"""Exporters are scraped less often than a rule looks back."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    for job in document["scrape_configs"]:
        if job["job_name"] == "prometheus":
            job["scrape_interval"] = "4s"


DEFECT = Defect(
    breaks="each window holds two scrapes",
    caught_by=("queries.windows_hold_two_scrapes",),
    how=prometheus_config(_edit),
    also=(
        "alerts.*",
        "prometheus.*",
        "rehearsal.*",
    ),
)
