"""Vision analysis that succeeds carries an error."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200 and answer.json["success"]:
        answer.json["error"] = "the second model did not answer"


DEFECT = Defect(
    breaks="vision that succeeds carries no error",
    caught_by=("errors.vision_successes_are_clean",),
    how=answers("/api/v1/vision/analyze", change=_change),
    also=("vision.*",),
)
