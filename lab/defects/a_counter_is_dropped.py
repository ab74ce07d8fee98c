"""A relabelling that was to save space drops a counter that alerts are built on."""

from lab.breaking import Defect, relabelled

DEFECT = Defect(
    breaks="Prometheus has every promised counter",
    caught_by=("prometheus.same_samples",),
    how=relabelled({"source_labels": ["__name__"], "regex": "compare_requests_total", "action": "drop"}),
    also=("slo.compare_failures",),
)
