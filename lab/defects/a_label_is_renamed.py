"""The label `status` of comparisons is now `outcome`."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = answer.text.replace("compare_requests_total{status=", "compare_requests_total{outcome=")


DEFECT = Defect(
    breaks="comparisons are counted by status",
    caught_by=("metrics.compare_requests_total", "metrics.counts_compare_*"),
    how=answers("/metrics/", change=_change),
    also=("metrics.counters_only_grow", "prometheus.same_samples", "slo.compare_failures"),
)
