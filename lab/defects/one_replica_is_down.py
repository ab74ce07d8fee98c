"""One of three replicas is down."""

from lab.breaking import Defect, stopped

DEFECT = Defect(
    breaks="every replica is up",
    caught_by=("prometheus.replicas_scraped", "health.every_replica_serves"),
    how=stopped("replica-2"),
)
