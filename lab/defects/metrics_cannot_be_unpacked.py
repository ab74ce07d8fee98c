"""A proxy cuts the metrics page short where it is asked for packed."""

import gzip

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    asked = answer.request_headers
    # The lab's own Prometheus goes on, so that nothing but this is broken.
    if "gzip" in asked.get("accept-encoding", "") and "prometheus" not in asked.get("user-agent", "").lower():
        answer.headers["content-encoding"] = "gzip"
        answer.body = gzip.compress(answer.body)[:-100]


DEFECT = Defect(
    breaks="the metrics page can be unpacked",
    caught_by=("metrics.packed",),
    how=answers("/metrics/", change=_change),
)
