"""One replica answers that it is not ready, and the load balancer has not noticed yet."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    # The load balancer's own probes still see a ready replica.
    if "haproxy" not in answer.request_headers.get("user-agent", "haproxy").lower():
        answer.status = 503
        answer.json["status"], answer.json["ready"] = "not_ready", False


DEFECT = Defect(
    breaks="the readiness page answers 200 on every replica",
    caught_by=("health.answers_ready", "health.ready_stable"),
    how=answers("/ready", change=_change, replicas=("replica-3",)),
    also=("health.ready_*",),
)
