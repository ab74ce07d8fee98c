"""The alert on timeouts writes the error code in lower case."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "ProviderTimeouts")
    rule["expr"] = rule["expr"].replace("PROVIDER_TIMEOUT", "provider_timeout")


DEFECT = Defect(
    breaks="rules write label values as the metrics do",
    caught_by=("queries.cases_agree",),
    how=rules(_edit),
    also=(
        "alerts.*",
        "rehearsal.*",
    ),
)
