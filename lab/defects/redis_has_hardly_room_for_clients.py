"""Redis takes few clients, and one replica holds on to most of the places."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lab.breaking import Defect, both
from lab.defects._servers import in_redis
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


_PLACES, _HELD, _USUAL = 400, 340, 10000


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    address = urlsplit(platform.settings.redis_url or "")
    with ExitStack() as held:
        for _ in range(_HELD):
            held.enter_context(socket.create_connection((address.hostname or "", address.port or 0), timeout=2))
        yield


DEFECT = Defect(
    breaks="Redis has room for more clients",
    caught_by=("dependencies.redis_clients",),
    how=both(
        in_redis(
            lambda _, redis: redis.config_set("maxclients", _PLACES),
            lambda _, redis: redis.config_set("maxclients", _USUAL),
        ),
        inside(change=_change, replicas=("replica-1",)),
    ),
)
