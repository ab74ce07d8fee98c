"""A file that is no DXF drawing makes the classifier fail."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 400:
        answer.status = 500


DEFECT = Defect(
    breaks="a refused file is the client's mistake and not the server's",
    caught_by=("classifier.refuses_text", "classifier.refuses_an_image"),
    how=answers("/classify", change=_change),
    also=("errors.*", "isolation.*", "openapi.*"),
)
