"""An alert on the disk of the load balancer fires when Redis is away."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    document["groups"][0]["rules"].append(
        {
            "alert": "LoadBalancerSlow",
            # The connections to Redis, of all things.
            "expr": "redis_connected_clients < 3",
            "labels": {"severity": "warning", "owner": "devops", "subject": "loadbalancer"},
            "annotations": {
                "summary": "The load balancer is slow",
                "runbook_url": "docs/runbooks/load_balancer_down.md",
            },
        }
    )


DEFECT = Defect(
    breaks="no alert fires on something that is well",
    caught_by=("chaos.redis_down.no_other_alert",),
    how=rules(_edit),
    also=("chaos.*",),
    chaos="redis_down",
)
