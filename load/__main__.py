"""`python -m load capacity`: the highest rate that holds the promises. For one load test there is `pytest load`."""

from __future__ import annotations

import argparse
import datetime as dt
import math
import signal
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from load import observing, promises
from load import plan as plans
from load.capacity import Ending, Step, Today, Trial, find_capacity
from load.report import capacity_html
from load.shapes import Constant
from load.wording import rate
from selfcheck import contract as contracts
from selfcheck import settings as all_settings
from selfcheck.checking import checks
from selfcheck.contract import Component, ContractError
from selfcheck.judging import judge, look_first
from selfcheck.observation import CouldNotObserve, RefusedError
from selfcheck.plugin import import_checks
from selfcheck.report import replace_file
from selfcheck.run import EXIT_FAILED, EXIT_INCONCLUSIVE, EXIT_PASS, EXIT_REFUSED, close, open_run
from selfcheck.settings import SettingsError
from selfcheck.verdict import Outcome

if TYPE_CHECKING:
    from load.capacity import CapacityReport
    from load.promises import Search
    from selfcheck.contract import Contract
    from selfcheck.settings import Settings
    from selfcheck.target import Target

_EXIT_INTERRUPTED = 2
_EXIT_USAGE = 4
_STARTING_SECONDS = 60.0
"""What a step needs beyond its arrivals and the time in which answers are waited for."""


def capacity(settings: Settings, contract: Contract, options: argparse.Namespace) -> int:
    """Search the capacity, write the report, and give the exit code."""
    terms = _terms(contract).model_copy(
        update={
            name: value
            for name, value in (("step_seconds", options.seconds), ("rate_start", options.rate_start))
            if value is not None
        }
    )
    ceiling, today, scope = _before(settings, contract, options.ceiling)
    print(f"capacity of {scope[0]}: {terms.says}, up to {rate(ceiling)}", flush=True)
    report = find_capacity(
        partial(_one, settings, contract, terms),
        terms,
        ceiling=ceiling,
        base_url=scope[0],
        environment=scope[1],
        started_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        today=today,
        growth=options.growth,
        show=_show,
    )
    _write(settings, contract, report)
    if report.ending is Ending.INTERRUPTED:
        return _EXIT_INTERRUPTED
    if report.ending is Ending.UNCLEAR:
        return EXIT_INCONCLUSIVE
    return EXIT_PASS if report.capacity else EXIT_FAILED


def _terms(contract: Contract) -> Search:
    found = list(contract.parts(promises.SEARCHES, promises.Search).values())
    if len(found) != 1:
        message = f"{contract.folder / 'load.toml'}: write one [[search]]; there are {len(found)}"
        raise ContractError(message)
    return found[0]


def _before(settings: Settings, contract: Contract, ceiling: float | None) -> tuple[float, Today, tuple[str, str]]:
    """Look whether load is allowed, how much, and what the platform is like now; raises RefusedError."""
    run = open_run(settings, contract)
    try:
        allowed = run.scope.environment.load_rate_max
        least = Constant(kind="constant", rate=1, duration_seconds=1).scaled()
        plans.refuse_without_consent(run.scope, least)
        look_first(run)
        broken = [found for found in run.preflight if found.verdict.outcome is Outcome.FAIL]
        if broken:
            message = f"{broken[0].promise.id}: {broken[0].verdict.observed}; no load was sent"
            raise plans.Refused(message)
        assert allowed is not None
        return (
            min(allowed, ceiling or allowed),
            _today(run.target, _terms(contract)),
            (run.scope.base_url, run.scope.name),
        )
    finally:
        close(run)


def _today(target: Target, terms: Search) -> Today:
    def asked(query: str) -> float | None:
        if not query or target.prometheus is None or Component.PROMETHEUS in target.blocked:
            return None
        try:
            samples = target.query(query).samples
        except CouldNotObserve:
            return None
        return sum(sample.value for sample in samples) if samples else None

    replicas = asked(terms.replicas)
    return Today(peak=asked(terms.peak), replicas=round(replicas) if replicas else None)


def _one(settings: Settings, contract: Contract, terms: Search, rate_: float) -> Trial:
    """Do one load test at a constant rate and judge it."""
    profile = plans.profiles(contract)[terms.profile]
    shape = Constant(kind="constant", rate=rate_, duration_seconds=terms.step_seconds)
    warm_up_seconds = min(profile.warm_up_seconds, terms.step_seconds / 4)
    profile = profile.model_copy(update={"shape": shape, "warm_up_seconds": warm_up_seconds})
    output = settings.output / "capacity" / f"{time.strftime('%H%M%S')}-{rate_:g}"
    run = open_run(
        settings.model_copy(update={"output": output}),
        contract,
        more_seconds=terms.step_seconds + profile.drain_seconds + _STARTING_SECONDS,
    )
    try:
        look_first(run)
        observing.observe(run.target, observing.plan_of(run.target, profile))
        record = observing.observed(run.target)
        verdicts = [
            (promise.id, judge(run, promise, name, partial(checks()[name], promise, run.target)).verdict)
            for name, promise in contract.all_promises()
            if isinstance(promise, promises.Loaded)
        ]
    finally:
        close(run)
    return Trial(record, verdicts, str(output / observing.FOLDER / observing.RECORD_FILE))


def _show(step: Step) -> None:
    print(f"{rate(step.rate):>12}  {step.phase:<8} {step.held:<8} {step.why[:200]}".rstrip(), flush=True)


def _write(settings: Settings, contract: Contract, report: CapacityReport) -> None:
    """Write the report in all forms and print it."""
    every = [promise for _, promise in contract.all_promises() if isinstance(promise, promises.Loaded)]
    texts = {
        "capacity.md": report.as_markdown(),
        "capacity.json": report.as_json(),
        "capacity.html": capacity_html.render(report, promises=every),
    }
    for name, text in texts.items():
        replace_file(settings.output / name, text if text.endswith("\n") else f"{text}\n")
    print(f"\n{report.sentence}\nreport: {', '.join(str(settings.output / name) for name in texts)}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; gives the exit code, as the gate's."""
    parser = argparse.ArgumentParser(prog="python -m load", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    search = commands.add_parser("capacity", help="search the highest rate that holds the promises")
    search.add_argument("--seconds", type=_positive, help="length of each run (the contract's)")
    search.add_argument("--rate-start", type=_positive, help="the first rate, in requests a second (the contract's)")
    search.add_argument("--ceiling", type=_positive, help="the highest rate to try (what the environment allows)")
    search.add_argument("--growth", type=_positive, help="the forecast, as a multiple of today's peak (the contract's)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        import_checks()
        settings = all_settings.read()
        contract = contracts.load(settings.contract)
        contract.validate()
        return capacity(settings, contract, options)
    except (SettingsError, ContractError) as error:
        print(error, file=sys.stderr)
        return _EXIT_USAGE
    except RefusedError as error:
        print(f"refused: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except CouldNotObserve as error:
        print(error, file=sys.stderr)
        return EXIT_INCONCLUSIVE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _EXIT_INTERRUPTED


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        message = f"{text} is not above 0"
        raise argparse.ArgumentTypeError(message)
    return value


def _interrupt(number: int, _: object) -> None:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main())
