"""The start of the process is given in milliseconds."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    pattern = r"^(process_start_time_seconds) (.*)$"
    answer.text = re.sub(pattern, lambda found: f"{found[1]} {float(found[2]) * 1000}", answer.text, flags=re.MULTILINE)


DEFECT = Defect(
    breaks="moments are in seconds",
    caught_by=("metrics.moments",),
    how=answers("/metrics/", change=_change, replicas=("replica-1",)),
    also=("health.every_replica_serves", "prometheus.*"),
)
