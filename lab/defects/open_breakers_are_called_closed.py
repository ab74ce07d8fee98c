"""A panel of the circuit breakers has the words for their states the wrong way round."""

from typing import Any

from lab.breaking import Defect, dashboard


def _edit(document: dict[str, Any]) -> None:
    words = {"0": {"text": "Open"}, "1": {"text": "Half-open"}, "2": {"text": "Closed"}}
    for panel in document["panels"]:
        if any("ocr_circuit_state" in target.get("expr", "") for target in panel.get("targets", ())):
            panel["fieldConfig"]["defaults"]["mappings"] = [{"type": "value", "options": words}]


DEFECT = Defect(
    breaks="the states of a breaker have their names",
    caught_by=("dashboards.breaker_states_named",),
    how=dashboard("providers", _edit),
)
