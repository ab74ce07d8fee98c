"""Each comparison of a replica takes four milliseconds longer than the one before."""

import itertools

from lab.breaking import Defect
from lab.defects._loading import LONG
from lab.tamper import Answer, answers

_turns = itertools.count()


def _delay(answer: Answer) -> None:
    answer.delay_seconds = next(_turns) * 0.004


DEFECT = Defect(
    breaks="answers do not get slower with the number of requests",
    caught_by=("load.latency_drift",),
    how=answers("/api/compare", change=_delay),
    also=("load.latency_compare", "load.fairness"),
    load=LONG,
)
