"""The catalogue of seeded defects: complete, and each entry well-formed."""

import fnmatch

import pytest

from lab.breaking import catalogue
from tools.proving import declared, expected, promise_ids

DEFECTS = catalogue()


def test_every_promise_has_a_defect_that_breaks_it() -> None:
    covered = {name for defect in DEFECTS.values() for name in declared(defect)}
    assert set(promise_ids()) - covered == set()


@pytest.mark.parametrize("name", list(DEFECTS))
def test_a_defect_names_promises_that_exist(name: str) -> None:
    defect = DEFECTS[name]
    named = declared(defect)
    assert named
    assert all(expected(defect, promise) for promise in named)
    for pattern in defect.also:
        assert fnmatch.filter(promise_ids(), pattern), f"no promise matches {pattern!r}"
    assert len(defect.breaks) > 10
