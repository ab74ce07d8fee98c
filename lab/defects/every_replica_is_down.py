"""No replica is left; the load balancer answers with an error page."""

from lab.breaking import Defect, stopped

DEFECT = Defect(
    breaks="the platform answers at its base URL",
    caught_by=("platform.app",),
    how=stopped("replica-1", "replica-2", "replica-3"),
    also=("*",),
)
