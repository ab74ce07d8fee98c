"""The answer to a batch of drawings leaves out the last one."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["results"].pop()


DEFECT = Defect(
    breaks="a batch gets a classification for each of its files",
    caught_by=("classifier.batch",),
    how=answers("/classify/batch", change=_change),
)
