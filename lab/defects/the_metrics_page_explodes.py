"""A family with a label per request fills the metrics page."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    series = "".join(f'request_seconds{{id="{number}"}} 0.1\n' for number in range(51_000))
    answer.text += "# TYPE request_seconds gauge\n" + series


DEFECT = Defect(
    breaks="the metrics page stays small",
    caught_by=("metrics.page_size",),
    how=answers("/metrics/", change=_change, replicas=("replica-2",)),
    also=("prometheus.*",),
)
