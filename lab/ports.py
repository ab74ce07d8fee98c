"""The ports of a lab. All of them move together by one offset, so that labs can run side by side."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass, fields
from typing import Final

HOST: Final = "127.0.0.1"
PORT_MAX: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Every port that a lab listens on, by part; loopback only. The values are those without an offset."""

    front: int = 8000
    replica_1: int = 8001
    replica_2: int = 8002
    replica_3: int = 8003
    paddle: int = 8101
    deepseek_hf: int = 8102
    vision: int = 8103
    paddle_proxied: int = 8201
    deepseek_hf_proxied: int = 8202
    vision_proxied: int = 8203
    redis_proxied: int = 8379
    postgres_proxied: int = 8432
    haproxy_stats: int = 8404
    toxiproxy: int = 8474
    redis: int = 6379
    postgres: int = 5432
    prometheus: int = 9090
    alertmanager: int = 9093
    receiver: int = 9095
    grafana: int = 3000
    redis_exporter: int = 9121
    postgres_exporter: int = 9187

    @classmethod
    def at(cls, offset: int) -> Ports:
        """Give the ports moved by `offset`; raises ValueError when one would leave 1024..65535.

        Labs whose offsets differ by a multiple of 4000 never meet.
        """
        unmoved = cls()
        ports = cls(**{field.name: getattr(unmoved, field.name) + offset for field in fields(cls)})
        numbers = ports.all()
        if min(numbers) < 1024 or max(numbers) > PORT_MAX:
            message = (
                f"a port offset of {offset} moves the lab's ports to {min(numbers)}..{max(numbers)};"
                f" use one between {1024 - min(unmoved.all())} and {PORT_MAX - max(unmoved.all())}"
            )
            raise ValueError(message)
        return ports

    def all(self) -> tuple[int, ...]:
        """Give every port number."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def replica(self, name: str) -> int:
        """Give the port of `replica-1`, `replica-2` or `replica-3`."""
        number: int = getattr(self, name.replace("-", "_"))
        return number

    def url(self, name: str) -> str:
        """Give the HTTP URL of a port by its field name, without a slash at the end."""
        return f"http://{HOST}:{getattr(self, name)}"


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # Connections of a server that just ended must not make its port look taken; servers set the same option.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_offset() -> int:
    """Find an offset whose ports are all free now, for a lab of a test.

    The choice is random, so that tests that run at the same time rarely meet. Raises RuntimeError when none is left.
    """
    # Below the range from which the kernel takes the local ports of outgoing connections (32768 and up).
    offsets = random.sample(range(11_000, 23_000, 16), 200)
    for offset in offsets:
        if all(is_free(port) for port in Ports.at(offset).all()):
            return offset
    message = "no free block of ports was found for a lab"
    raise RuntimeError(message)
