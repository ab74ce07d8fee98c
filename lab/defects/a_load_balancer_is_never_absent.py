"""The alert on the load balancer waits until its target is forgotten: one that does not answer still has an `up`."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule = rule_named(document, "LoadBalancerDown")
    rule["expr"] = 'absent(up{job="haproxy"})'
    rule["annotations"]["description"] = "No load balancer answers Prometheus."


DEFECT = Defect(
    breaks="a load balancer that does not answer pages",
    caught_by=("queries.silent_targets",),
    how=rules(_edit),
)
