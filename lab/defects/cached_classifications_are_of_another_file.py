"""What comes from the classifier's cache is the classification of another file."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and answer.json["cached"]:
        shares = answer.json["probabilities"]
        names = list(shares)
        turned = dict(zip(names, [shares[name] for name in (*names[1:], names[0])], strict=True))
        best = max(turned, key=turned.__getitem__)
        answer.json.update(category=best, confidence=turned[best], probabilities=turned)


DEFECT = Defect(
    breaks="a classification from the cache is the one that was made",
    caught_by=("classifier.cached_is_the_same",),
    how=answers("/classify", change=_change),
    also=("classifier.replicas_agree", "classifier.batch", "isolation.*"),
)
