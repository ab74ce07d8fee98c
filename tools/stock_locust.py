"""Stock Locust as its documentation has it: closed users of `FastHttpUser` that ask again when an answer has come.

    python -m tools.stock_locust http://127.0.0.1:8000/health --users 4 --seconds 20

What the benchmark of the load generator compares with. It prints a line of JSON.
"""

from locust import FastHttpUser, task  # first: it patches the process
from locust.env import Environment

import argparse  # isort: skip
import json  # isort: skip
import time  # isort: skip
from typing import Any, ClassVar  # isort: skip

import gevent  # isort: skip

_QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)


class StockUser(FastHttpUser):
    """Asks for one address, as fast as answers come."""

    address: ClassVar[str]

    @task
    def ask(self) -> None:
        """Ask once."""
        self.client.get(self.address)


def main() -> None:
    """Run for a while and print what Locust measured."""
    parser = argparse.ArgumentParser(prog="python -m tools.stock_locust", description="Closed users of stock Locust.")
    parser.add_argument("url")
    parser.add_argument("--users", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    StockUser.host = StockUser.address = options.url
    environment = Environment(user_classes=[StockUser])
    took: list[float] = []
    failed = 0

    def heard(response_time: float, exception: Exception | None, **_: Any) -> None:
        nonlocal failed
        took.append(response_time / 1000)
        failed += exception is not None

    environment.events.request.add_listener(heard)  # type: ignore[no-untyped-call]
    runner = environment.create_local_runner()
    runner.start(options.users, spawn_rate=options.users)
    gevent.sleep(1.0)  # until all users are there and connected
    took.clear()
    began, used = time.monotonic(), time.process_time()
    gevent.sleep(options.seconds)
    seconds, cpu_seconds, done = time.monotonic() - began, time.process_time() - used, sorted(took)
    runner.quit()
    quantiles = {str(q): done[min(len(done) - 1, int(q * len(done)))] for q in _QUANTILES} if done else {}
    print(
        json.dumps(
            {
                "requests": len(done),
                "failed": failed,
                "seconds": seconds,
                "cpu_seconds": cpu_seconds,
                "quantiles": quantiles,
            }
        )
    )


if __name__ == "__main__":
    main()
