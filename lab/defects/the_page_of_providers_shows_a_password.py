"""The page of the providers names the address of one, with the password in it."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["note"] = "reached by http://reader:hunter2-secret@paddle:8101/v1/read"


DEFECT = Defect(
    breaks="no answer shows a secret",
    caught_by=("security.no_secrets_in_answers",),
    how=answers("/api/v1/providers/health", change=_change),
)
