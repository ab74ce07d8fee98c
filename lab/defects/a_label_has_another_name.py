"""The alert on timeouts selects by a label of another name."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ProviderTimeouts")
    rule["expr"] = rule["expr"].replace("{code=", "{error_code=")


DEFECT = Defect(
    breaks="every label that a rule selects by exists",
    caught_by=("queries.labels_exist",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
