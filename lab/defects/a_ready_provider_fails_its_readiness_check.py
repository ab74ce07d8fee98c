"""One replica reports a provider as down on one page and as ready on another."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["checks"]["paddle"]["status"] = "down"


DEFECT = Defect(
    breaks="readiness agrees with the page of the providers",
    caught_by=("providers.agree_with_readiness",),
    how=answers("/ready", change=_change, replicas=("replica-1",)),
    also=("health.*",),
)
