"""The documentation is shown to those alone who have a credential."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.status = 401
    answer.json = {"detail": "Not authenticated"}


DEFECT = Defect(
    breaks="the documentation is public",
    caught_by=("security.documentation_is_public",),
    how=answers("/docs", change=_change),
    also=("api.docs_page",),
)
