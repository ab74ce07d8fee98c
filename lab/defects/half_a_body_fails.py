"""A body that breaks off ends in an error of the server."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 422:
        answer.status = 500
        answer.json = {"detail": "Internal Server Error"}


DEFECT = Defect(
    breaks="no request is answered with an error of the server",
    caught_by=("errors.no_server_error",),
    how=answers("/api/compare", "/api/v1/compare", change=_change),
    also=("compare.*", "openapi.*", "security.*"),
)
