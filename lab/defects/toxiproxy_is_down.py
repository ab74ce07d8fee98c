"""The proxy before the providers and Redis is down."""

from lab.breaking import Defect, stopped

DEFECT = Defect(
    breaks="Toxiproxy answers",
    caught_by=("platform.toxiproxy",),
    how=stopped("toxiproxy"),
    also=("*",),
)
