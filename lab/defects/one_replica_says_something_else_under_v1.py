"""One replica's health page under the versioned API is an old one."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["config"]["monitoring"]["error_ema_alpha"] = 0.9


DEFECT = Defect(
    breaks="the health page is the same under the versioned API",
    caught_by=("health.same_under_v1",),
    how=answers("/api/v1/health", change=_change, replicas=("replica-3",)),
)
