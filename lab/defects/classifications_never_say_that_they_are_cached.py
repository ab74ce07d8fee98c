"""A classification from the cache says that it was made just now."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["cached"] = False


DEFECT = Defect(
    breaks="a classification from the cache says so",
    caught_by=("classifier.known_is_cached",),
    how=answers("/classify", change=_change),
    also=("classifier.eviction",),
)
