"""A page carries the label by which Prometheus tells its targets apart, and Prometheus believes it."""

from typing import Any

from lab.breaking import Defect, both, prometheus_config
from lab.tamper import Answer, answers


def _edit(document: dict[str, Any]) -> None:
    job = next(job for job in document["scrape_configs"] if job["job_name"] == "cad-ml-platform")
    job["honor_labels"] = True


def _change(answer: Answer) -> None:
    # At the beginning: Prometheus asks for OpenMetrics, where nothing may follow the end.
    answer.text = '# TYPE worker_busy gauge\nworker_busy{instance="worker-1"} 0\n' + answer.text


DEFECT = Defect(
    breaks="no page overwrites the target's labels",
    caught_by=("scraping.labels_are_the_targets",),
    how=both(prometheus_config(_edit), answers("/metrics/", change=_change, replicas=("replica-2",))),
    also=("metrics.*",),
)
