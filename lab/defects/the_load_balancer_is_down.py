"""The load balancer is down."""

from lab.breaking import Defect, stopped

DEFECT = Defect(
    breaks="the platform answers at its base URL",
    caught_by=("platform.app",),
    how=stopped("haproxy"),
    also=("*",),
)
