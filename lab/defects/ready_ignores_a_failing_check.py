"""A failing check does not make the platform unready."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    for name, found in answer.json["checks"].items():
        if "redis" in name:
            found["status"] = "down"


DEFECT = Defect(
    breaks="ready means that no check fails",
    caught_by=("health.ready_agrees_with_itself", "health.ready_agrees_with_health"),
    how=answers("/ready", change=_change),
)
