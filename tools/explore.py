"""A long look for vectors that the platform compares wrongly: `make explore`.

The laws of the gate's comparisons (`checks/test_compare.py`) on random cases, against the platform of the settings.
What breaks a law is made as small as possible, printed, and saved among the contract's examples, which the gate repeats
in each run. The look keeps within its time, its number of requests and its rate, and removes what it registers.

Exit code 0: no law is broken; 1: one is; 4: the settings are unusable; 10: nothing could be looked at; 11: not
the platform.
"""

import argparse
import contextlib
import secrets
import sys
import time
from collections.abc import Callable

from checks.test_compare import (
    Answered,
    Compared,
    Law,
    Plan,
    Seen,
    Value,
    judge_answered,
    judge_law,
    judge_value,
    observe,
)
from selfcheck import contract, settings
from selfcheck.contract import Contract
from selfcheck.judging import look_first
from selfcheck.observation import CouldNotObserve, Trouble
from selfcheck.preflight import WrongTargetError
from selfcheck.run import (
    EXIT_FAILED,
    EXIT_INCONCLUSIVE,
    EXIT_PASS,
    EXIT_REFUSED,
    Run,
    close,
    keeps_from_looking,
    open_run,
)
from selfcheck.vectors import Case, Shape, cases, from_the_seed_alone, save
from selfcheck.verdict import Outcome, Verdict
from selfcheck.waiting import pause

_EXIT_UNUSABLE = 4
_CASES_MAX = 1_000_000
_TIDYING_SECONDS = 30.0


class Over(BaseException):
    """The time or the requests of the look are used up; no failure of a case, so Hypothesis passes it on."""


def search(look: Callable[[Case], str], shape: Shape, *, seed: int, cases_max: int = _CASES_MAX) -> Case | None:
    """Draw cases until `look` says what is wrong with one, or raises Over; give the smallest such case."""
    from hypothesis import HealthCheck, Phase, given, settings  # noqa: PLC0415 - heavy, and wanted here alone
    from hypothesis import seed as seeded  # noqa: PLC0415 - likewise

    # What was said once stands: asked again, a platform that is wrong now and then would look like a mistake of ours.
    said: dict[Case, str] = {}
    wrong: list[Case] = []

    @seeded(seed)
    @settings(
        max_examples=cases_max,
        backend=from_the_seed_alone(),
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(cases(shape))
    def obey(case: Case) -> None:
        if case not in said:
            said[case] = look(case)
        if said[case]:
            wrong.append(case)
            raise AssertionError(said[case])

    with contextlib.suppress(AssertionError, Over):
        obey()
    return min(wrong, key=_size, default=None)


def _size(case: Case) -> tuple[int, int]:
    """Say how much there is to read in a case."""
    return len(case.left), len(str(case.left)) + len(str(case.right)) + len(str(case.factor))


class Explorer:
    """Judges one case after the other by all laws, within the limits of the look."""

    def __init__(self, run: Run, *, seconds: float, rate: float) -> None:
        self._target = run.target
        self._contract = run.contract
        self._rate = rate
        self._seconds = seconds
        self._started = time.monotonic()
        self._sent_before = run.target.platform.requests_sent
        self.looked_at = 0
        self.broken: dict[Case, tuple[Compared, Verdict]] = {}
        self.trouble = ""

    @property
    def requests(self) -> int:
        """Requests sent for cases."""
        return self._target.platform.requests_sent - self._sent_before

    def look(self, case: Case) -> str:
        """Observe a case, and say which law it breaks; raises Over. What cannot be observed breaks none."""
        elapsed = time.monotonic() - self._started
        if elapsed > self._seconds:
            raise Over
        pause(max(0.0, self.requests / self._rate - elapsed))
        try:
            broken = self._judge(case)
        except CouldNotObserve as error:
            self.trouble = error.sentence
            if error.trouble in (Trouble.BUDGET, Trouble.DEADLINE):
                raise Over from None
            return ""
        self.looked_at += 1
        if broken is None:
            return ""
        self.broken[case] = broken
        return broken[0].id

    def _judge(self, case: Case) -> tuple[Compared, Verdict] | None:
        found = observe(self._target, plan_of(self._contract), [case])
        promises: list[Compared] = [
            *self._contract.promises("compare.law", Law),
            *self._contract.promises("compare.value", Value),
            *self._contract.promises("compare.answered", Answered),
        ]
        for promise in promises:
            with contextlib.suppress(CouldNotObserve):  # what was not answered is the business of the last one
                verdict = _verdict(promise, found)
                if verdict.outcome is Outcome.FAIL:
                    return promise, verdict
        return None


def _verdict(promise: Compared, found: Seen) -> Verdict:
    match promise:
        case Law():
            return judge_law(promise, found)
        case Value():
            return judge_value(promise, found)
        case Answered():
            return judge_answered(promise, found)
    message = f"no comparison judges {promise.id}"
    raise TypeError(message)


def plan_of(loaded: Contract) -> Plan:
    """Give what the gate's own comparisons do."""
    return loaded.promises("compare.answered", Answered)[0].plan


def main(arguments: list[str] | None = None) -> int:
    """Explore as long as told to; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.explore", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="time to look (60)")
    parser.add_argument("--requests", type=int, default=3000, help="requests to the platform at most (3000)")
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second on average, at most (50)")
    parser.add_argument("--seed", type=int, help="repeat an earlier look (random)")
    parser.add_argument("--no-save", action="store_true", help="only print what is found")
    options = parser.parse_args(arguments)
    if min(options.seconds, options.requests, options.rate) <= 0:
        parser.error("--seconds, --requests and --rate must be above 0")
    try:
        read = settings.read().model_copy(update={"deadline": options.seconds + _TIDYING_SECONDS})
        loaded = contract.load(read.contract)
        limits = loaded.platform.limits.model_copy(update={"requests_max": options.requests})
        loaded.platform = loaded.platform.model_copy(update={"limits": limits})
        run = open_run(read, loaded)
    except (contract.ContractError, settings.SettingsError) as error:
        print(error, file=sys.stderr)
        return _EXIT_UNUSABLE
    try:
        return _explore(run, options)
    except WrongTargetError as error:
        print(run.clean(str(error)), file=sys.stderr)
        return EXIT_REFUSED
    finally:
        for left in run.target.left_behind:
            print(run.clean(f"still there, and to be removed by hand: {left}"))
        close(run)


def _explore(run: Run, options: argparse.Namespace) -> int:
    look_first(run)
    kept = keeps_from_looking(run.contract.promises("compare.answered", Answered)[0], run.target)
    if kept is not None:
        print(run.clean(f"nothing to explore: {kept.observed}; {kept.remedy or kept.blocked_by}"), file=sys.stderr)
        return EXIT_INCONCLUSIVE
    seed = secrets.randbits(32) if options.seed is None else options.seed
    plan = plan_of(run.contract)
    print(f"exploring {run.scope.base_url} for {options.seconds:g} s (--seed {seed})", flush=True)
    explorer = Explorer(run, seconds=options.seconds, rate=options.rate)
    found = search(explorer.look, plan.shape, seed=seed)
    print(f"{explorer.looked_at} cases, {explorer.requests} requests")
    if found is None:
        if not explorer.looked_at:
            print(run.clean(f"nothing could be looked at: {explorer.trouble or 'no time'}"), file=sys.stderr)
            return EXIT_INCONCLUSIVE
        print("no law is broken")
        return EXIT_PASS
    promise, verdict = explorer.broken[found]
    verdict = run.cleaned(verdict)
    for name, text in (
        ("FAIL", f"{promise.id}: {promise.says}"),
        ("expected", verdict.expected),
        ("observed", verdict.observed),
        ("asked", verdict.where),
        ("reproduce", verdict.reproduce),
    ):
        print(f"{name:<10} {text}")
    if not options.no_save:
        path = run.contract.folder / plan.examples
        save(path, found.model_copy(update={"kind": "saved"}))
        print(f"saved in {path}: the gate looks at it in each run")
    return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
