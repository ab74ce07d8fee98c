"""The OpenAPI document leaves out a field of each answer."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    schemas = answer.json["components"]["schemas"]
    for name, field in (
        ("CompareResult", "reference_id"),
        ("Classification", "cached"),
        ("CacheStats", "hit_ratio"),
        ("ProvidersHealth", "results"),
        ("OcrResult", "title_block"),
    ):
        del schemas[name]["properties"][field]


DEFECT = Defect(
    breaks="the OpenAPI document describes the fields of answers",
    caught_by=(
        "openapi.describes_compare",
        "openapi.describes_compare_v1",
        "openapi.describes_classify",
        "openapi.describes_classifier_cache",
        "openapi.describes_providers_health",
        "openapi.describes_ocr",
    ),
    how=answers("/openapi.json", change=_change),
)
