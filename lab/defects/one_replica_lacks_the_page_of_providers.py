"""One replica was built without the page of the providers; its document is the old one."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 404
    answer.json = {"detail": "Not Found"}


DEFECT = Defect(
    breaks="every replica has what its document describes",
    caught_by=("openapi.described_routes_are_there",),
    how=answers("/api/v1/providers/health", change=_change, replicas=("replica-2",)),
)
