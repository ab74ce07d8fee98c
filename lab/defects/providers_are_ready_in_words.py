"""The health of the providers says yes and no where it should say true and false."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        for result in answer.json["results"]:
            result["ready"] = "yes" if result["ready"] else "no"


DEFECT = Defect(
    breaks="whether a provider is ready is a boolean",
    caught_by=("openapi.fields_providers_health", "openapi.conforms_providers_health"),
    how=answers("/api/v1/providers/health", change=_change),
    also=("providers.*", "isolation.*"),
)
