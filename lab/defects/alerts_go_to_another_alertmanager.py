"""Prometheus sends its alerts to something else that calls itself an Alertmanager, and takes them all."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    jobs = {job["job_name"]: job for job in document["scrape_configs"]}
    other = jobs["toxiproxy"]["static_configs"][0]["targets"]
    document["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = other


DEFECT = Defect(
    breaks="alerts go to the Alertmanager that is watched",
    caught_by=("prometheus.feeds_the_alertmanager",),
    how=prometheus_config(_edit),
    also=("alerts.*", "routing.*"),
)
