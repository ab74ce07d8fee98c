"""The extended health page has lost what it extends the health page with."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    del answer.json["vector_store"]


DEFECT = Defect(
    breaks="the extended health page describes the vector store",
    caught_by=("health.vector_store_total", "health.vector_store_versions"),
    how=answers("/health/extended", change=_change),
)
