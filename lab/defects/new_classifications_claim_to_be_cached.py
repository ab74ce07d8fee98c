"""One replica says of every classification that it came from the cache."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["cached"] = True


DEFECT = Defect(
    breaks="the classification of a new file does not claim to come from the cache",
    caught_by=("classifier.new_is_not_cached",),
    how=answers("/classify", change=_change, replicas=("replica-3",)),
    also=("classifier.eviction", "isolation.*", "metrics.counts_*"),
)
