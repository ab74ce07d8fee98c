"""The load balancer takes a replica for well as long as its port is open."""

from lab.breaking import Defect, haproxy_config


def _edit(text: str) -> str:
    return text.replace("    option httpchk GET /ready\n    http-check expect status 200\n", "")


DEFECT = Defect(
    breaks="the load balancer takes out a replica that is stuck",
    caught_by=("chaos.replica_stuck.lost",),
    how=haproxy_config(_edit),
    also=("chaos.*",),
    chaos="replica_stuck",
)
