"""How a fault is taken back, as plain data: what the ledger holds before the fault is made.

An inverse says where something was changed and how it was before, never with a credential: those are read from the
settings again by whoever takes the fault back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from chaos.plan import Command
from selfcheck.contract import Model


class ProxyBefore(Model):
    """A proxy as it was: enabled, and without a toxic of ours."""

    name: str
    listen: str
    upstream: str


class ProxyInverse(Model):
    """Brings a proxy of Toxiproxy back to what it was: without the toxic, enabled, leading where it led.

    `toxiproxy` is its URL without user information. A toxic has the mark as its name. `led_to` is the upstream that
    the fault set: another one that is found is somebody else's, and is left alone.
    """

    kind: Literal["toxic", "enabled", "upstream"]
    mark: str
    toxiproxy: str
    before: ProxyBefore
    led_to: str = ""

    @property
    def by_hand(self) -> str:
        """What a person would do instead."""
        proxy = f"{self.toxiproxy}/proxies/{self.before.name}"
        if self.kind == "toxic":
            return f"curl -X DELETE {proxy}/toxics/{self.mark}"
        wanted = f'{{"enabled": true, "upstream": "{self.before.upstream}"}}'
        return f"curl -X POST {proxy} -d '{wanted}'"


class CommandInverse(Model):
    """Runs the undo of a lever's command, in the environment it belongs to."""

    kind: Literal["command"] = "command"
    mark: str
    environment: str
    command: Command

    @property
    def by_hand(self) -> str:
        """What a person would do instead."""
        return f"run: {' '.join(self.command.undo)}"


class RedisInverse(Model):
    """Sets settings of Redis to what they were; `redis` is its URL without credentials."""

    kind: Literal["redis"] = "redis"
    mark: str
    redis: str
    before: Mapping[str, str]

    @property
    def by_hand(self) -> str:
        """What a person would do instead."""
        settings = "; ".join(f"CONFIG SET {name} '{value}'" for name, value in self.before.items())
        return f"in redis-cli of {self.redis}: {settings}"


Inverse = Annotated[ProxyInverse | CommandInverse | RedisInverse, Field(discriminator="kind")]
