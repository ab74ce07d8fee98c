"""What the preflight makes of answers: which credentials are accepted, and whether a classifier answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.preflight import judge_classifier, judge_credential
from selfcheck.verdict import Outcome
from tests.unit.making import answer

if TYPE_CHECKING:
    from selfcheck.clients.http import Answer

PASS, FAIL, INCONCLUSIVE, NOT_COVERED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_COVERED
LOST = CouldNotObserve(Trouble.TIMED_OUT, asked="GET http://c/", came_back="no answer in 10 s", hint="look")


@pytest.mark.parametrize(
    ("status", "as_promised", "outcome"),
    [
        (200, False, PASS),
        (404, True, PASS),
        (401, False, FAIL),
        (403, False, FAIL),
        # Whether it was the route, the platform or the client's own haste: of the credential that tells nothing.
        (404, False, NOT_COVERED),
        (405, False, NOT_COVERED),
        (422, False, INCONCLUSIVE),
        (429, False, INCONCLUSIVE),
        (500, False, INCONCLUSIVE),
        (502, False, INCONCLUSIVE),
    ],
)
def test_whether_a_credential_is_accepted(status: int, as_promised: bool, outcome: Outcome) -> None:  # noqa: FBT001
    verdict = judge_credential("SELF_CHECK_API_KEY", answer({}, status=status), as_promised=as_promised)
    assert verdict.outcome is outcome
    # What was not tried is sent all the same, and is known by what to do about it.
    assert bool(verdict.remedy) is (outcome in (NOT_COVERED, INCONCLUSIVE))


@pytest.mark.parametrize(
    ("statuses", "lost", "has_own_url", "outcome"),
    [
        ([200, 200, 200], 0, True, FAIL),
        ([404, 404, 404], 0, True, FAIL),
        ([500, 502, 503], 0, True, FAIL),
        ([], 1, True, FAIL),
        ([404], 2, True, FAIL),
        ([200, 200, 404], 0, False, NOT_COVERED),
        ([200, 404], 1, False, INCONCLUSIVE),
        ([], 1, False, INCONCLUSIVE),
    ],
)
def test_what_shows_no_classifier(statuses: list[int], lost: int, has_own_url: bool, outcome: Outcome) -> None:  # noqa: FBT001
    seen: list[Answer | CouldNotObserve] = [*(answer(b"Welcome", status=status) for status in statuses), *[LOST] * lost]
    verdict = judge_classifier(seen, "http://c", has_own_url=has_own_url)
    assert verdict.outcome is outcome
    assert ("no file is sent to it" in verdict.observed) is (has_own_url and statuses[:1] in ([200], [404]))
