"""The page of the providers has another name for vision than the configuration."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    for entry in answer.json["results"]:
        if entry["domain"] == "vision":
            entry["provider"] = "vision_v2"


DEFECT = Defect(
    breaks="configured providers are on their page",
    caught_by=("providers.configured_for_vision",),
    how=answers("/api/v1/providers/health", change=_change),
)
