"""A front end's catch-all route answers for the health page."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.headers["content-type"] = "text/html"
    answer.text = "<!doctype html><title>CAD ML Platform</title>"


DEFECT = Defect(
    breaks="the health page answers with JSON",
    caught_by=("health.answers",),
    how=answers("/health", change=_change),
    also=("health.*", "metrics.*_ema_as_on_health", "metrics.cache_within_its_limit"),
)
