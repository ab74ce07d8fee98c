"""A relabelling that was to reduce cardinality gives every bucket the same bound."""

from lab.breaking import Defect, relabelled

DEFECT = Defect(
    breaks="Prometheus has every bucket",
    caught_by=("prometheus.same_samples", "queries.quantiles_have_buckets"),
    how=relabelled({"source_labels": ["__name__"], "regex": ".*_bucket", "target_label": "le", "replacement": "inf"}),
    also=("slo.*", "prometheus.*", "queries.*"),
)
