"""Relabelling drops the one bucket by which the latency objective is judged."""

from lab.breaking import Defect, relabelled

DEFECT = Defect(
    breaks="relabelling leaves the bucket of the objective",
    caught_by=("scraping.buckets_survive",),
    how=relabelled({"source_labels": ["__name__", "le"], "regex": "ocr_.*_bucket;2([.]0)?", "action": "drop"}),
    also=("prometheus.*", "slo.*", "queries.*", "alerts.*", "dashboards.*"),
)
