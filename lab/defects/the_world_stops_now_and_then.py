"""All replicas stand still together for three seconds in six: few requests are slow for a client that waits."""

import time

from lab.breaking import Defect
from lab.defects._loading import SMOKE
from lab.tamper import Answer, answers

_PERIOD_SECONDS = 6.0
_STILL_SECONDS = 3.0


def _stand_still(answer: Answer) -> None:
    answer.delay_seconds = max(0.0, _STILL_SECONDS - time.time() % _PERIOD_SECONDS)


DEFECT = Defect(
    breaks="answers come at any moment",
    caught_by=("load.latency_compare",),
    how=answers("/api/*", change=_stand_still),
    also=("load.*",),
    load=SMOKE,
)
