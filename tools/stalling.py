"""A server whose every latency is known before: a fixed service time, and stalls at fixed moments.

    python -m tools.stalling --service 0.05 --stall 1.4 --every 5

Whatever would be answered during a stall is answered at its end. It prints its port, and when it began (seconds of
CLOCK_MONOTONIC, which all processes of a machine share) as one line of JSON; from that and the arguments everything
follows (`Stalls`). It ends with its standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import selectors
import sys
import time
from dataclasses import dataclass

_WOKEN_LATE_SECONDS = 0.0002
"""What systems are late by when they wake who sleeps."""
_ANSWER = b'{"success": true, "cached": false}'
_WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(_ANSWER), _ANSWER)


@dataclass(frozen=True, slots=True)
class Stalls:
    """When such a server answers: `service_seconds` after a request, but never during a stall.

    A stall of `stall_seconds` ends each `every_seconds` since `began_at`; there is none with a length of 0.
    """

    began_at: float
    service_seconds: float
    stall_seconds: float
    every_seconds: float

    def answered_at(self, asked_at: float) -> float:
        """Give the moment at which a request of a moment is answered."""
        ready = asked_at + self.service_seconds
        end = self.began_at + math.ceil((ready - self.began_at) / self.every_seconds) * self.every_seconds
        return end if ready > end - self.stall_seconds else ready


class _Connection(asyncio.Protocol):
    """Answers requests one after the other."""

    def __init__(self, stalls: Stalls) -> None:
        self._stalls = stalls
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            fields = bytes(self._received[:end]).lower().split(b"\r\n")
            length = next((int(line[15:]) for line in fields if line.startswith(b"content-length:")), 0)
            if len(self._received) < end + 4 + length:
                return
            del self._received[: end + 4 + length]
            moment = self._stalls.answered_at(now)
            # The loop's clock is CLOCK_MONOTONIC, too.
            asyncio.get_running_loop().call_at(moment - _WOKEN_LATE_SECONDS, self._answer_at, moment)

    def _answer_at(self, moment: float) -> None:
        while time.monotonic() < moment:
            pass  # too short to sleep
        self._transport.write(_WHOLE)


async def _serve(stalls: Stalls) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(stalls), "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1], "began_at": stalls.began_at}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tools.stalling", description="A server with known latencies.")
    parser.add_argument("--service", type=float, default=0.05, metavar="SECONDS", help="how long a request takes")
    parser.add_argument("--stall", type=float, default=0.0, metavar="SECONDS", help="how long a stall is")
    parser.add_argument(
        "--every", type=float, default=5.0, metavar="SECONDS", help="from one stall's end to the next's"
    )
    options = parser.parse_args()
    # `select` takes microseconds, where epoll rounds up to milliseconds.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    loop.run_until_complete(_serve(Stalls(time.monotonic(), options.service, options.stall, options.every)))


if __name__ == "__main__":
    main()
