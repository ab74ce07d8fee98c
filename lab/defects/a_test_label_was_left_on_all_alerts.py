"""The label of a test alert became an external label: every alert goes to the receiver of tests."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    document["global"]["external_labels"]["selfcheck_canary"] = "true"


DEFECT = Defect(
    breaks="alerts of every severity reach those whom they are for",
    caught_by=(
        "routing.critical_pages",
        "routing.warning_to_chat",
        "routing.info_by_mail",
    ),
    how=prometheus_config(_edit),
    also=("routing.*",),
)
