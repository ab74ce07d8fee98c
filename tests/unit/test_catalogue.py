"""The catalogue of seeded defects: complete, and each entry well-formed."""

import fnmatch

import pytest

from lab.breaking import catalogue
from tools.proving import declared, expected, promise_ids

DEFECTS = catalogue()


SHOWN_OTHERWISE = {f"chaos.*.{what}" for what in ("undone", "steady", "driven", "figures", "noticed")}
"""tests/chaos shows what cannot be undone and what is not well before a fault; the rest are figures of the run and of
Prometheus, which tables in tests/unit show."""


def _aspect(promise_id: str) -> str:
    """Give what a promise is about: the same is asked of many experiments, and need be broken in one of them."""
    area, _, rest = promise_id.partition(".")
    return f"{area}.*.{rest.rpartition('.')[2]}" if area == "chaos" else promise_id


def test_every_promise_has_a_defect_that_breaks_it() -> None:
    covered = {_aspect(name) for defect in DEFECTS.values() for name in declared(defect)}
    assert set(map(_aspect, promise_ids())) - covered - SHOWN_OTHERWISE == set()


@pytest.mark.parametrize("name", list(DEFECTS))
def test_a_defect_names_promises_that_exist(name: str) -> None:
    defect = DEFECTS[name]
    named = declared(defect)
    assert named
    assert all(expected(defect, promise) for promise in named)
    for pattern in defect.also:
        assert fnmatch.filter(promise_ids(), pattern), f"no promise matches {pattern!r}"
    assert len(defect.breaks) > 10
