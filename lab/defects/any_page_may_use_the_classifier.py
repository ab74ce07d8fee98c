"""The classifier, which once had a base URL of its own, still allows every origin, with credentials."""

from lab.breaking import Defect
from lab.defects._access import give_credentials
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if origin := answer.request_headers.get("origin"):
        give_credentials(answer, origin)


DEFECT = Defect(
    breaks="foreign pages get no credentials, on whatever route",
    caught_by=("security.no_credentials_for_foreign_pages",),
    how=answers("/classify", "/classify/batch", change=_change),
)
