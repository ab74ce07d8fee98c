"""The readiness page shows a token in the detail of a check."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["checks"]["session_token"] = {"status": "up", "detail": "", "token": "c2VjcmV0LXRva2Vu"}


DEFECT = Defect(
    breaks="no readiness page shows a secret",
    caught_by=("health.no_secrets",),
    how=answers("/ready", change=_change),
)
