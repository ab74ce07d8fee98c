"""Redis was made a replica of a master that is not there: it takes no writes."""

from lab.breaking import Defect
from lab.defects._servers import in_redis
from lab.ports import HOST

DEFECT = Defect(
    breaks="Redis takes writes",
    caught_by=("dependencies.redis_takes_writes",),
    how=in_redis(lambda _, redis: redis.replicaof(HOST, 1), lambda _, redis: redis.replicaof("NO", "ONE")),
    also=("*",),
)
