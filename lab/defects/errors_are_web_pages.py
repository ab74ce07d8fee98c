"""Errors of comparisons are web pages."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status >= 400:
        answer.headers["Content-Type"] = "text/html"
        answer.text = f"<html><body><h1>{answer.status}</h1></body></html>"


DEFECT = Defect(
    breaks="every error is JSON",
    caught_by=("errors.say_something", "errors.envelope_of_compare"),
    how=answers("/api/compare", "/api/v1/compare", change=_change),
    also=("compare.*", "openapi.*", "security.*", "metrics.counts_compare_*", "isolation.*"),
)
