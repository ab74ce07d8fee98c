"""Whether a classification came from the cache is said with a word."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["cached"] = "yes" if answer.json["cached"] else "no"


DEFECT = Defect(
    breaks="whether a classification came from the cache is true or false",
    caught_by=("classifier.cached_is_a_flag", "classifier.new_is_not_cached", "classifier.known_is_cached"),
    how=answers("/classify", change=_change),
    also=("classifier.eviction", "isolation.*", "metrics.counts_*"),
)
