"""Replicas are found by discovery, and only those that are down are noticed: one that is gone has no `up`."""

from typing import Any

from lab.breaking import Defect, both, prometheus_config, rules

_NOTICING = {"PlatformDown", "ReplicasMissing"}


def _discover(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    job["file_sd_configs"] = [{"files": ["discovered/*.json"]}]


def _forget(document: dict[str, Any]) -> None:
    for group in document["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") not in _NOTICING]


DEFECT = Defect(
    breaks="some rule notices a replica that is gone",
    caught_by=("queries.vanishing_targets",),
    how=both(prometheus_config(_discover), rules(_forget)),
    also=("alerts.*", "rehearsal.*"),
)
