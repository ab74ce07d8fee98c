"""The runbook of an alert is named by the provider: there is one such file for none of them."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    page = "docs/runbooks/{{ $labels.provider }}_timeout.md"
    rule_named(document, "ProviderTimeouts")["annotations"]["runbook_url"] = page


DEFECT = Defect(
    breaks="an alert leads to a runbook, whatever its labels are",
    caught_by=("alerts.runbooks",),
    how=rules(_edit),
)
