"""Who is refused reads in the answer what was sent."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    given = answer.request_headers.get("x-api-key") or answer.request_headers.get("x-admin-token")
    if answer.status in (401, 403) and given:
        answer.json["detail"]["context"] = {"given": given}


DEFECT = Defect(
    breaks="a refusal does not repeat the credential",
    caught_by=("security.compare_needs_a_key", "security.cache_needs_the_token"),
    how=answers("/api/*", change=_change),
    also=("security.*",),
)
