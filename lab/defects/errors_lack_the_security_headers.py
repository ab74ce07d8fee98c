"""What goes wrong is answered without the security headers."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status >= 400:
        for name in ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"):
            del answer.headers[name]


DEFECT = Defect(
    breaks="error answers have the security headers, too",
    caught_by=(
        "security.content_type_is_not_guessed",
        "security.pages_are_not_framed",
        "security.addresses_are_not_passed_on",
    ),
    how=answers("/*", change=_change),
)
