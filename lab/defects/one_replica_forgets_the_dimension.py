"""One replica runs a release that leaves a field out of the comparison's answer."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        del answer.json["dimension"]


DEFECT = Defect(
    breaks="every replica answers with all fields",
    caught_by=("openapi.fields_compare", "openapi.conforms_compare"),
    how=answers("/api/compare", change=_change, replicas=("replica-3",)),
    also=("compare.*", "isolation.*"),
)
