"""A flange is called what it is second most likely to be; other parts are classified well."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and answer.json["category"] == "flange":
        shares = answer.json["probabilities"]
        second = sorted(shares, key=shares.__getitem__)[-2]
        answer.json.update(category=second, confidence=shares[second])


DEFECT = Defect(
    breaks="the category is the most probable one",
    caught_by=("classifier.most_probable",),
    how=answers("/classify", change=_change),
    also=("classifier.batch",),
)
