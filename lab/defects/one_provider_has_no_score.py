"""The health score of one provider is not a number, whatever it does."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "provider_health_score")
    own = rule["expr"]
    rule["expr"] = (
        f"({own}) unless on (provider) sum by (provider) (ocr_requests_total{{provider='paddle'}})"
        " or 0 / (0 * sum by (provider) (ocr_requests_total{provider='paddle'}))"
    )


DEFECT = Defect(
    breaks="each provider has a health score",
    caught_by=("prometheus.provider_health_score",),
    how=rules(_edit),
    also=("rehearsal.*", "alerts.*", "queries.*", "slo.*", "dashboards.*"),
)
