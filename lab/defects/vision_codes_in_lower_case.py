"""Where vision fails, the code is spelled in lower case."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and not answer.json["success"]:
        answer.json["code"] = answer.json["code"].lower()


DEFECT = Defect(
    breaks="vision that fails carries a promised code",
    caught_by=("errors.vision_failures_say_why",),
    how=answers("/api/v1/vision/analyze", change=_change),
    also=("vision.*", "metrics.counts_vision_*", "openapi.*", "security.*"),
)
