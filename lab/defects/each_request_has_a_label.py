"""A counter of requests has the id of each one as a label."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    ids = (f"{number:012x}" for number in range(0xA10000000001, 0xA10000000041))
    series = "".join(f'requests_total{{request_id="{id_}"}} 1.0\n' for id_ in ids)
    answer.text += "# HELP requests_total Requests.\n# TYPE requests_total counter\n" + series


DEFECT = Defect(
    breaks="no label grows with the requests",
    caught_by=("metrics.no_label_of_each_request",),
    how=answers("/metrics/", change=_change, replicas=("replica-2",)),
    also=("prometheus.*",),
)
