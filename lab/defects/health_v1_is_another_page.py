"""The versioned health page was forgotten in the last change."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["config"]["monitoring"]["classifier_cache_max_size"] = 500


DEFECT = Defect(
    breaks="both health pages say the same",
    caught_by=("health.same_under_v1",),
    how=answers("/api/v1/health", change=_change),
    also=("health.timestamp_v1",),
)
