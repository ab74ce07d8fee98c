"""The classifier's cache goes by the first 256 bytes of a file: files that begin alike are taken for one."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

from lab.breaking import Defect
from lab.defects._caches import remembering_with
from lab.reference import classifier
from lab.tamper import inside, replaced

if TYPE_CHECKING:
    from lab.reference.service import Platform

_LOOKED_AT_BYTES = 4096


@contextmanager
def _change(platform: "Platform") -> Iterator[None]:
    hasty = SimpleNamespace(sha256=lambda content: hashlib.sha256(content[:_LOOKED_AT_BYTES]))
    with remembering_with(platform, OrderedDict()), replaced(classifier, hashlib=hasty):
        yield


DEFECT = Defect(
    breaks="a kept classification is given for the same file only",
    caught_by=("classifier.new_is_not_cached",),
    how=inside(change=_change),
)
