"""The label `status` of comparisons is now `outcome`."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = answer.text.replace("compare_requests_total{status=", "compare_requests_total{outcome=")


DEFECT = Defect(
    breaks="comparisons are counted by status",
    caught_by=(
        "metrics.compare_requests_total",
        "metrics.counts_compare_success",
        "metrics.counts_compare_not_found",
        "metrics.counts_compare_invalid",
        "metrics.counts_compare_dimension_mismatch",
        "metrics.counts_compare_v1",
        "metrics.counts_compare_blank",
        "metrics.counts_compare_not_found_v1",
    ),
    how=answers("/metrics/", change=_change),
    also=("metrics.counters_only_grow", "prometheus.same_samples", "slo.compare_failures"),
)
