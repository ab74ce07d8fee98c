"""The OpenAPI document names the database with its password."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.json["info"]["description"] += " History: postgresql://app:9f2kQ7wLx3@postgres:5432/cad"


DEFECT = Defect(
    breaks="the documentation shows no secret",
    caught_by=("security.no_secrets_in_documentation",),
    how=answers("/openapi.json", change=_change),
)
