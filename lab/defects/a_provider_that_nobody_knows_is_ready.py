"""The page of the providers calls one ready that requests cannot be sent to."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    page = answer.json
    page["results"].append({"domain": "ocr", "provider": "tesseract", "ready": True, "error": None})
    page["total"] += 1
    page["ready"] += 1


DEFECT = Defect(
    breaks="a provider that is called ready reads drawings",
    caught_by=("providers.ocr_works",),
    how=answers("/api/v1/providers/health", change=_change),
)
