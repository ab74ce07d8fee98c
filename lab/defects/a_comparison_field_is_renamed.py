"""A release renames a field of the comparison's answer."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        answer.json["distance"] = answer.json.pop("feature_distance")


DEFECT = Defect(
    breaks="clients find the fields of a comparison under their names",
    caught_by=("openapi.fields_compare", "openapi.conforms_compare"),
    how=answers("/api/compare", change=_change),
    also=("compare.*", "isolation.*"),
)
