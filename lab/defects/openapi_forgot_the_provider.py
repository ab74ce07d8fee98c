"""The parameter that names the provider is missing from the OpenAPI document."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    for path in ("/api/v1/ocr/extract", "/admin/reset-circuit-breaker"):
        operation = answer.json["paths"][path]["post"]
        operation["parameters"] = [found for found in operation["parameters"] if found["name"] != "provider"]


DEFECT = Defect(
    breaks="the OpenAPI document describes the promised parameters",
    caught_by=("openapi.describes_ocr", "openapi.describes_reset_circuit_breaker"),
    how=answers("/openapi.json", change=_change),
)
