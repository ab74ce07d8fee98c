"""Where vision fails, the error names a file of the server."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and not answer.json["success"]:
        answer.json["error"] += " (raised in /opt/platform/src/vision/decode.py)"


DEFECT = Defect(
    breaks="no error tells how the service is made",
    caught_by=("errors.tell_nothing_of_the_inside",),
    how=answers("/api/v1/vision/analyze", change=_change),
    also=("security.*", "vision.*"),
)
