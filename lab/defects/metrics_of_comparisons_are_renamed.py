"""The counter of comparisons got another name in an update, and what reads it did not."""

import re

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    answer.text = re.sub(r"^((?:# (?:HELP|TYPE) )?)compare_", r"\1similarity_", answer.text, flags=re.MULTILINE)


DEFECT = Defect(
    breaks="the queries of the manual find the counter of comparisons",
    caught_by=("queries.manual_compare_traffic", "queries.manual_compare_statuses", "queries.metrics_exist"),
    how=answers("/metrics/", change=_change),
    also=("alerts.*", "metrics.*", "prometheus.*", "slo.*", "rehearsal.*", "dashboards.*", "compare.*", "errors.*"),
)
