"""A proxy changes the content type of the metrics page."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.headers["content-type"] = "text/html; charset=utf-8"


DEFECT = Defect(
    breaks="the metrics page is in the text format",
    caught_by=("metrics.endpoint",),
    how=answers("/metrics", "/metrics/", change=_change),
)
