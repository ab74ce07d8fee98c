"""The probabilities of a classification are scores that were never normalised."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        shares = answer.json["probabilities"]
        shares.update({name: min(1.0, share * 1.4) for name, share in shares.items()})


DEFECT = Defect(
    breaks="the probabilities sum to 1",
    caught_by=("classifier.probabilities",),
    how=answers("/classify", change=_change),
    also=("classifier.confidence", "classifier.batch"),
)
