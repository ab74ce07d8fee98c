"""The admin token was changed, and this client was not told."""

from lab.breaking import Defect, environment

DEFECT = Defect(
    breaks="the admin token is accepted",
    caught_by=("platform.admin_token",),
    how=environment(ADMIN_TOKEN="another-token-0123456789"),  # noqa: S106 - opens nothing
    also=("metrics.counters_only_grow", "prometheus.*", "slo.*"),
)
