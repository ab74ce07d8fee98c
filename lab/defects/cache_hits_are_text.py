"""The classifier's cache statistics are read from Redis and never converted."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["hits"] = str(answer.json["hits"])


DEFECT = Defect(
    breaks="cache statistics are numbers",
    caught_by=("openapi.fields_classifier_cache", "openapi.conforms_classifier_cache"),
    how=answers("/api/v1/health/classifier/cache", change=_change),
    also=("classifier.*", "isolation.*"),
)
