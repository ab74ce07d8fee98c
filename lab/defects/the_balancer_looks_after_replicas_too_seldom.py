"""The load balancer looks after its replicas every 20 seconds."""

from lab.breaking import Defect, haproxy_config


def _edit(text: str) -> str:
    return text.replace("check inter 500ms fastinter 200ms", "check inter 20s fastinter 20s")


DEFECT = Defect(
    breaks="the load balancer takes out a replica that does not answer",
    caught_by=("chaos.replica_frozen.lost",),
    how=haproxy_config(_edit),
    also=("chaos.*",),
    chaos="replica_frozen",
)
