"""The health of the providers fails for whoever names a content type."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if "content-type" in answer.request_headers:
        answer.status = 500
        answer.json = {"detail": "Missing boundary in multipart."}


DEFECT = Defect(
    breaks="no header makes a route fail",
    caught_by=("openapi.fuzz_providers_health",),
    how=answers("/api/v1/providers/health", change=_change),
)
