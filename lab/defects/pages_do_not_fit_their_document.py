"""What the health pages and readiness answer is not what the OpenAPI document says of them."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    for path in ("/health", "/health/extended", "/ready"):
        operation = answer.json["paths"][path]["get"]
        schema = {
            "type": "object",
            "required": ["uptime_seconds"],
            "properties": {"uptime_seconds": {"type": "number"}},
        }
        operation["responses"]["200"]["content"]["application/json"]["schema"] = schema


DEFECT = Defect(
    breaks="pages are what the document says of them",
    caught_by=("openapi.conforms_health", "openapi.conforms_health_extended", "openapi.conforms_ready"),
    how=answers("/openapi.json", change=_change),
)
