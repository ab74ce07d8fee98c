"""Answers to files that nobody sent before say that they come from the cache."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["cached"] = True


DEFECT = Defect(
    breaks="an answer to a new file is not called cached",
    caught_by=("isolation.new_file_is_not_cached",),
    how=answers("/api/v1/ocr/extract", change=_change),
    also=("ocr.*", "isolation.ocr_cache_of_another_client"),
)
