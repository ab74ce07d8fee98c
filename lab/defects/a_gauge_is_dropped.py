"""Relabelling drops a gauge that was thought to be of no use."""

from lab.breaking import Defect, relabelled

DEFECT = Defect(
    breaks="relabelling leaves series alone",
    caught_by=("scraping.series_survive",),
    how=relabelled({"source_labels": ["__name__"], "regex": "ocr_model_.*|.*_cache_size", "action": "drop"}),
    also=("queries.*", "alerts.*", "dashboards.*"),
)
