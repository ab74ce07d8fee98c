"""The other replicas are told of a reset under the name that the operator wrote, and they know no alias.

A reset of `deepseek`, as the manual writes it, closes the breaker on the replica that was asked, and on no other.
"""

import importlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.reference.cache import CacheDownError
from lab.reference.service import _RESETS_KEY
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from types import ModuleType

    from lab.reference.service import Platform


def _app() -> "ModuleType":
    """Give the module that the replica's routes live in: it is run as a program."""
    main = sys.modules["__main__"]
    return main if hasattr(main, "reset_circuit_breaker") else importlib.import_module("lab.reference.app")


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    app = _app()
    canonical, real = app.canonical_provider, platform.reset_breaker
    written: ContextVar[str] = ContextVar("written", default="")

    def noting(name: str) -> str:
        written.set(name.strip().lower())
        return str(canonical(name))

    async def reset(provider: str) -> tuple[str, bool]:
        name = written.get() or provider
        if name == provider:
            return await real(provider)
        before = platform.breakers.reset(provider)
        mark = str(time.time_ns())
        platform._resets_seen[name] = mark  # noqa: SLF001 - a defect is inside the platform
        try:
            await platform.cache.run(lambda client: client.hset(_RESETS_KEY, name, mark))
        except CacheDownError:
            return before, False
        return before, True

    with replaced(app, canonical_provider=noting), replaced(platform, reset_breaker=reset):
        yield


DEFECT = Defect(
    breaks="the manual's reset closes a breaker on every replica",
    caught_by=("chaos.breaker_reset.reset",),
    how=inside(change=_change),
    chaos="breaker_reset",
)
