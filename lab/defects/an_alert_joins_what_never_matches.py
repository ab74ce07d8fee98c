"""An alert divides the memory of a replica by a limit that another job reports: no labels match."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "MemoryExhaustion")
    used = 'process_resident_memory_bytes{job="cad-ml-platform"}'
    rule["expr"] = f'{used} / process_virtual_memory_max_bytes{{job="prometheus"}} > 0.9'


DEFECT = Defect(
    breaks="the alert on memory can fire",
    caught_by=("alerts.can_fire",),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
