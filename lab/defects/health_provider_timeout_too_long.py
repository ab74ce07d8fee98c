"""A provider may take longer than the request that waits for it."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    limits = answer.json["config"]["limits"]
    limits["provider_timeout_seconds"] = 2 * limits["request_timeout_seconds"]


DEFECT = Defect(
    breaks="a provider is given up before the request",
    caught_by=("health.provider_timeout_below_request_timeout",),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
)
