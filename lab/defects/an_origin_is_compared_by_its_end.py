"""An origin that ends as the own one is allowed, with credentials, by the answer to a preflight."""

from lab.breaking import Defect
from lab.defects._access import give_credentials
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    origin = answer.request_headers.get("origin", "")
    if answer.method == "OPTIONS" and origin.endswith("127.0.0.1"):
        answer.status = 200
        give_credentials(answer, origin)


DEFECT = Defect(
    breaks="foreign pages get no credentials",
    caught_by=("security.no_credentials_for_foreign_pages",),
    how=answers("/api/compare", change=_change),
)
