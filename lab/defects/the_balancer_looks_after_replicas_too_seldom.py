"""The load balancer looks after its replicas every ten minutes."""

from lab.breaking import Defect, haproxy_config


def _edit(text: str) -> str:
    # HAProxy spreads the first checks of its servers over `inter`, and one of them that fails is enough: with a shorter
    # time, a fault just before it would show a balancer that pays attention.
    return text.replace("check inter 500ms fastinter 200ms", "check inter 10m fastinter 10m")


DEFECT = Defect(
    breaks="the load balancer takes out a replica that does not answer",
    caught_by=("chaos.replica_frozen.lost",),
    how=haproxy_config(_edit),
    also=("chaos.*",),
    chaos="replica_frozen",
)
