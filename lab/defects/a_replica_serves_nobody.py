"""A replica is up and scraped, and the load balancer leads nobody to it."""

import re

from lab.breaking import Defect, haproxy_config


def _edit(text: str) -> str:
    return re.sub(r"(server replica-3 \S+)", r"\1 weight 0", text)


DEFECT = Defect(
    breaks="the load balancer leads users to each replica",
    caught_by=("health.every_replica_serves",),
    how=haproxy_config(_edit),
)
