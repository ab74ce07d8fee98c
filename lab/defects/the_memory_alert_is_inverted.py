"""The alert on memory fires as long as there is enough of it."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "MemoryExhaustion")
    rule["expr"] = 'process_resident_memory_bytes{job="cad-ml-platform"} < 0.9 * 4 * 1024 ^ 3'
    rule["for"] = "1s"


DEFECT = Defect(
    breaks="no alert fires when all is well",
    caught_by=("alerts.none_fires",),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
