"""One replica lets browsers guess the type of its answers."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    del answer.headers["X-Content-Type-Options"]


DEFECT = Defect(
    breaks="the security headers are on the answers of every replica",
    caught_by=("security.content_type_is_not_guessed",),
    how=answers("/*", change=_change, replicas=("replica-3",)),
)
