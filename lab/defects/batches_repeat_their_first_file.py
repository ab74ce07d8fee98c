"""The answer to a batch of drawings has the first one, with its name, for each of them."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        items = answer.json["results"]
        answer.json["results"] = [items[0]] * len(items)


DEFECT = Defect(
    breaks="a batch gets a classification for each of its files",
    caught_by=("classifier.batch",),
    how=answers("/classify/batch", change=_change),
)
