"""The interactive documentation loads the document of an example."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = answer.text.replace("/openapi.json", "https://petstore.example/v2/swagger.json")


DEFECT = Defect(
    breaks="the documentation is that of this platform",
    caught_by=("openapi.docs_show_the_document",),
    how=answers("/docs", change=_change),
)
