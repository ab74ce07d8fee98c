"""One replica answers the request for the cache's statistics with a web page."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.headers["content-type"] = "text/html"
        answer.text = "<!doctype html><title>CAD ML Platform</title>"


DEFECT = Defect(
    breaks="the statistics are there on every replica",
    caught_by=("classifier.statistics",),
    how=answers("/api/v1/health/classifier/cache", change=_change, replicas=("replica-3",)),
    also=("classifier.*", "openapi.*"),
)
