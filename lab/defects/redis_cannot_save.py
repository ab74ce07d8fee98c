"""Redis cannot write its snapshot: something stands where the file should be."""

from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._servers import in_redis
from selfcheck.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from lab.supervisor import Lab


def _place(lab: "Lab") -> "Path":
    return lab.directory / "data" / "redis" / "dump.rdb"


def _save(client: "redis.Redis", status: str) -> None:
    client.bgsave()
    wait_until(
        lambda: client.info("persistence")["rdb_last_bgsave_status"] == status,
        timeout_seconds=10,
        what=f"the last snapshot of Redis to be {status}",
    )


def _break(lab: "Lab", client: "redis.Redis") -> None:
    _place(lab).mkdir()
    _save(client, "err")


def _mend(lab: "Lab", client: "redis.Redis") -> None:
    place = _place(lab)
    if place.is_dir():
        place.rmdir()
    _save(client, "ok")
    place.unlink(missing_ok=True)


DEFECT = Defect(
    breaks="the last snapshot of Redis succeeded",
    caught_by=("dependencies.redis_saves",),
    how=in_redis(_break, _mend),
)
