"""Redis has no memory left, and must not let anything go to make room."""

from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._servers import in_redis

if TYPE_CHECKING:
    import redis

    from lab.supervisor import Lab


def _break(_: "Lab", client: "redis.Redis") -> None:
    used = int(client.info("memory")["used_memory"])
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", int(used / 0.97))


def _mend(_: "Lab", client: "redis.Redis") -> None:
    client.config_set("maxmemory", "64mb")
    client.config_set("maxmemory-policy", "allkeys-lru")


DEFECT = Defect(
    breaks="Redis has memory left",
    caught_by=("dependencies.redis_memory",),
    how=in_redis(_break, _mend),
    also=("*",),
)
