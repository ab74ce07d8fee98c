"""The network between platform and Redis is cut; Redis itself is well."""

from lab.breaking import Defect, proxy_down

DEFECT = Defect(
    breaks="Redis is up for the platform",
    caught_by=("health.service_redis",),
    how=proxy_down("redis"),
    also=("health.*", "metrics.*", "slo.*"),
)
