"""Relabelling drops the bucket that holds everything."""

from lab.breaking import Defect, relabelled

DEFECT = Defect(
    breaks="relabelling leaves buckets alone",
    caught_by=("scraping.buckets_survive",),
    how=relabelled({"source_labels": ["__name__", "le"], "regex": "ocr_.*_bucket;[+]Inf", "action": "drop"}),
    also=("prometheus.*", "slo.*", "queries.*", "alerts.*", "dashboards.*"),
)
