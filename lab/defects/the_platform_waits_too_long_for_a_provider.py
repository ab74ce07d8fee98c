"""Requests to a provider wait for twice the time that the health page tells."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.reference.service import Platform


@contextmanager
def _change(platform: Platform) -> Iterator[None]:
    told = platform.health._settings  # noqa: SLF001 - a defect knows the insides
    seconds = platform.settings.provider_timeout_seconds
    with (
        replaced(platform.health, _settings=replace(told)),
        replaced(platform.settings, provider_timeout_seconds=2 * seconds, request_timeout_seconds=4 * seconds),
    ):
        yield


DEFECT = Defect(
    breaks="a request to a provider ends when its time is over",
    caught_by=("chaos.provider_black_hole.timed_out",),
    how=inside(change=_change),
    also=("chaos.*",),
    chaos="provider_black_hole",
)
