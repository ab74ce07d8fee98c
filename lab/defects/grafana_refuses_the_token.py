"""The token of Grafana's service account was renewed, and the gate has the old one."""

from lab.breaking import Defect, environment

DEFECT = Defect(
    breaks="Grafana takes the token that the gate was given",
    caught_by=("platform.grafana",),
    how=environment("grafana", GRAFANA_TOKEN="another-token-0123456789"),  # noqa: S106 - an invented one
    also=("dashboards.*",),
)
