"""One replica was left behind when the bounds of a histogram were changed."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = answer.text.replace('le="0.0025"', 'le="0.003"')


DEFECT = Defect(
    breaks="a histogram has the same bounds on each replica",
    caught_by=("metrics.same_shape",),
    how=answers("/metrics/", change=_change, replicas=("replica-2",)),
    also=("prometheus.*", "scraping.*", "slo.*"),
)
