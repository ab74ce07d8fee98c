"""The classifier forgets to normalise its probabilities."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        probabilities = answer.json["probabilities"]
        answer.json["probabilities"] = {name: share + 1.2 for name, share in probabilities.items()}


DEFECT = Defect(
    breaks="probabilities are ratios",
    caught_by=("openapi.fields_classify", "openapi.conforms_classify"),
    how=answers("/classify", change=_change),
    also=("classifier.*", "isolation.*"),
)
