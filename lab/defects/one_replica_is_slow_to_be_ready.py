"""One replica takes longer over its readiness than a probe waits; the others hide it in every average."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if "haproxy" not in answer.request_headers.get("user-agent", "haproxy").lower():
        answer.delay_seconds = 1.3


DEFECT = Defect(
    breaks="the readiness page of each replica answers within the timeout of a probe",
    caught_by=("health.ready_latency",),
    how=answers("/ready", change=_change, replicas=("replica-2",)),
)
