"""The platform is scraped every five minutes."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    job["scrape_interval"] = "5s"


DEFECT = Defect(
    breaks="the platform is scraped often",
    caught_by=("scraping.intervals",),
    how=prometheus_config(_edit),
    also=("prometheus.*", "slo.*", "queries.*", "alerts.*"),
)
