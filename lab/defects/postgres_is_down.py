"""Postgres is down."""

from lab.breaking import Defect, stopped

DEFECT = Defect(
    breaks="Postgres answers",
    caught_by=("platform.postgres",),
    how=stopped("postgres"),
    also=("health.*",),
)
