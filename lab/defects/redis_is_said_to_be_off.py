"""The platform was deployed without its Redis, which is there and waits."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["config"]["monitoring"]["redis_enabled"] = False


DEFECT = Defect(
    breaks="the platform uses the Redis of its environment",
    caught_by=("health.config_redis_in_use",),
    how=answers("/health", "/api/v1/health", "/health/extended", change=_change),
    also=("dependencies.*",),
)
