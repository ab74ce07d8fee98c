"""The group of alerts on providers and breakers was lost."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    document["groups"] = [group for group in document["groups"] if group["name"] != "alerts-providers"]


DEFECT = Defect(
    breaks="providers and breakers are watched",
    caught_by=(
        "alerts.watch_provider_health",
        "alerts.watch_provider_timeouts",
        "alerts.watch_model_loading",
        "alerts.watch_breakers",
        "alerts.watch_open_breakers",
    ),
    how=rules(_edit),
    also=("queries.*", "rehearsal.*"),
)
