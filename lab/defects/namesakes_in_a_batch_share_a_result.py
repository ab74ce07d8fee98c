"""Results of a batch are gathered by file name: of files with the same name all get what the last one got."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    if answer.status != 200:
        return
    batch = answer.json
    by_name = {item["filename"]: item for item in batch["results"]}
    batch["results"] = [by_name[item["filename"]] for item in batch["results"]]


DEFECT = Defect(
    breaks="each file of a batch has its own classification, whatever it is called",
    caught_by=("classifier.batch_of_namesakes",),
    how=answers("/classify/batch", change=_change),
)
