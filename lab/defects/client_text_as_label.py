"""What clients send as provider becomes a label value."""

from lab.breaking import Defect
from lab.tamper import Answer, answers


def _change(answer: Answer) -> None:
    series = "".join(f'vision_input_rejected_total{{reason="client_text_{number:04}"}} 1.0\n' for number in range(500))
    head = "# TYPE vision_input_rejected_total counter\n"
    answer.text = answer.text.replace(head, head + series)


DEFECT = Defect(
    breaks="labels have a bounded number of values",
    caught_by=("metrics.vision_input_rejected_total",),
    how=answers("/metrics/", change=_change),
    also=("metrics.counters_only_grow",),
)
