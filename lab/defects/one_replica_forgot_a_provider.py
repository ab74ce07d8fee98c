"""One replica does not list a provider that it uses."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    page = answer.json
    page["results"] = [entry for entry in page["results"] if entry["provider"] != "deepseek_hf"]
    page["total"] = page["ready"] = len(page["results"])


DEFECT = Defect(
    breaks="every replica lists the same providers",
    caught_by=(
        "providers.same_everywhere",
        "providers.listed",
        "providers.configured_for_ocr",
    ),
    how=answers("/api/v1/providers/health", change=_change, replicas=("replica-3",)),
)
