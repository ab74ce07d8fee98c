"""One replica still has the OpenAPI document of the release before."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    del answer.json["components"]["schemas"]["CompareResult"]["properties"]["method"]


DEFECT = Defect(
    breaks="every replica serves the same OpenAPI document",
    caught_by=("openapi.same_on_every_replica",),
    how=answers("/openapi.json", change=_change, replicas=("replica-2",)),
    also=("openapi.describes_compare*",),
)
