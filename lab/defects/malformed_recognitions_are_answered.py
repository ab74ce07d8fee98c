"""Recognition answers what has no form at all as if it was a drawing without text."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status in (400, 422):
        answer.status = 200
        answer.json = {"success": True, "provider": "paddle", "confidence": None, "processing_time_ms": 0.1}


DEFECT = Defect(
    breaks="malformed requests are refused",
    caught_by=("errors.malformed_uploads_are_refused", "errors.malformed_images_are_refused"),
    how=answers("/api/v1/ocr/extract", "/api/v1/vision/analyze", change=_change),
    also=("openapi.*", "ocr.*", "vision.*", "errors.*"),
)
