"""To have fewer series, all buckets were given the same bound."""

from lab.breaking import Defect, relabelled

DEFECT = Defect(
    breaks="relabelling leaves buckets alone",
    caught_by=("scraping.buckets_survive",),
    how=relabelled({"source_labels": ["__name__"], "regex": ".*_bucket", "target_label": "le", "replacement": "inf"}),
    also=("prometheus.*", "slo.*", "queries.*", "alerts.*", "dashboards.*"),
)
