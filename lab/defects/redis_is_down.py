"""Redis is down."""

from lab.breaking import Defect, stopped

DEFECT = Defect(
    breaks="Redis answers, and is up on the health page",
    caught_by=("platform.redis", "health.service_redis"),
    how=stopped("redis"),
    also=("health.*", "metrics.*", "slo.*"),
)
