"""Relabelling drops the provider."""

from lab.breaking import Defect, relabelled

DEFECT = Defect(
    breaks="relabelling leaves labels alone",
    caught_by=("scraping.series_survive",),
    how=relabelled({"action": "labeldrop", "regex": "provider"}),
    also=("prometheus.*", "slo.*", "queries.*", "alerts.*", "dashboards.*", "scraping.*"),
)
