"""Images that vision refuses are counted as successes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._meters import Labels, miscounted
from lab.tamper import inside

if TYPE_CHECKING:
    from lab.reference.service import Platform


def _wrong(labels: Labels) -> Labels:
    return {**labels, "status": "success"} if labels["status"] == "input_error" else labels


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    with miscounted(platform, "vision_requests", relabel=_wrong):
        yield


DEFECT = Defect(
    breaks="an image that is refused is no success",
    caught_by=("metrics.counts_vision_broken_base64", "metrics.counts_vision_refused_input"),
    how=inside(change=_change),
)
