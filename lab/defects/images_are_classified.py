"""The classifier has a category for whatever it is sent."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 400:
        answer.status = 200
        shares = {"shaft": 0.5, "plate": 0.5}
        answer.json = {"category": "shaft", "confidence": 0.5, "probabilities": shares, "cached": False}


DEFECT = Defect(
    breaks="what is no DXF drawing is refused",
    caught_by=("classifier.refuses_text", "classifier.refuses_an_image"),
    how=answers("/classify", change=_change),
    also=("errors.*", "isolation.*", "openapi.*"),
)
