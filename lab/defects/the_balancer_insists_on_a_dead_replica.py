"""The load balancer does not look after its replicas, and sends a request nowhere else."""

from lab.breaking import Defect, haproxy_config


def _edit(text: str) -> str:
    text = text.replace("    option redispatch\n", "").replace(
        "    retries 2\n    retry-on conn-failure\n", "    retries 0\n"
    )
    # HAProxy spreads the first checks of its servers over `inter`, and one of them that fails is enough: with a shorter
    # time, a kill just before it would show a balancer that pays attention.
    return text.replace(
        "default-server check inter 500ms fastinter 200ms", "default-server check inter 10m fastinter 10m"
    )


DEFECT = Defect(
    breaks="the load balancer takes out a replica that is gone",
    caught_by=("chaos.replica_killed.lost",),
    how=haproxy_config(_edit),
    also=("chaos.*",),
    chaos="replica_killed",
)
