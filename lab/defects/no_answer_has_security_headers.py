"""The security headers are gone."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    for name in ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"):
        del answer.headers[name]


DEFECT = Defect(
    breaks="answers have the security headers",
    caught_by=(
        "security.content_type_is_not_guessed",
        "security.pages_are_not_framed",
    ),
    how=answers("/*", change=_change),
)
