"""Pages without an origin, such as sandboxed ones, get credentials."""

from lab.breaking import Defect
from lab.defects._access import give_credentials
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.request_headers.get("origin") == "null":
        give_credentials(answer, "null")


DEFECT = Defect(
    breaks="foreign pages get no credentials",
    caught_by=("security.no_credentials_for_foreign_pages",),
    how=answers("/health", change=_change),
)
