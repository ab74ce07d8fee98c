"""Errors of the classifier are JSON in which nothing stands."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status >= 400:
        answer.json = {"detail": ""}


DEFECT = Defect(
    breaks="every error says what is wrong",
    caught_by=("errors.say_something",),
    how=answers("/classify", change=_change),
    also=("classifier.*", "openapi.*"),
)
