"""One replica crashes every few seconds, and is well whenever somebody looks."""

import re
import time

from lab.breaking import Defect
from lab.tamper import Answer, answers

_LIFE_SECONDS = 4


def _change(answer: Answer) -> None:
    started = time.time() // _LIFE_SECONDS * _LIFE_SECONDS
    pattern = r"^(process_start_time_seconds) .*$"
    answer.text = re.sub(pattern, rf"\1 {started}", answer.text, flags=re.MULTILINE)


DEFECT = Defect(
    breaks="a replica that was started stays up",
    caught_by=("health.replicas_stay_up",),
    how=answers("/metrics/", change=_change, replicas=("replica-2",)),
    # Who changes while we look is taken for another process.
    also=("health.*", "metrics.*", "prometheus.*", "platform.*", "errors.*", "isolation.*", "providers.*", "vision.*"),
)
