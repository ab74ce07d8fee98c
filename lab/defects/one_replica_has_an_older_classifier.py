"""One replica works with an older model, which is less sure of the same things."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        shares = answer.json["probabilities"]
        shares.update({name: 0.9 * share + 0.1 / len(shares) for name, share in shares.items()})
        answer.json["confidence"] = shares[answer.json["category"]]


DEFECT = Defect(
    breaks="every replica classifies the same file alike",
    caught_by=("classifier.replicas_agree",),
    how=answers("/classify", change=_change, replicas=("replica-3",)),
    also=("classifier.batch", "isolation.*"),
)
