"""The results of a batch of drawings stand beside the wrong file names."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status == 200:
        items = answer.json["results"]
        for item, result in zip(items, [item["result"] for item in reversed(items)], strict=True):
            item["result"] = result


DEFECT = Defect(
    breaks="a batch gets what each of its files gets alone",
    caught_by=("classifier.batch",),
    how=answers("/classify/batch", change=_change),
)
