"""Caches on the way may keep the providers' page, for which a key is needed, for everybody."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.headers["Cache-Control"] = "public, max-age=60"


DEFECT = Defect(
    breaks="what needs a credential is kept for nobody else",
    caught_by=("security.no_cache_keeps_answers_for_others",),
    how=answers("/api/v1/providers/health", change=_change),
)
