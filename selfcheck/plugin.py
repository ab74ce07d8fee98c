"""The gate as a pytest plugin: preflight, promises as parameters, verdicts as outcomes, exit codes, reports.

It is loaded by the repository's root conftest and does nothing unless the `checks` folder is among what pytest is asked
to run, so that the suite's own tests do not pay for it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import pkgutil
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from selfcheck.checking import KIND_ATTRIBUTE, turn
from selfcheck.contract import Promise
from selfcheck.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Generator

    from selfcheck.contract import Contract
    from selfcheck.run import Result, Run
    from selfcheck.settings import Settings

_ROOT = Path(__file__).resolve().parent.parent
GATE = "checks"
FOLDERS = (GATE, "load", "chaos")
"""The folders of live checks: the gate, and what is done to a target only when it is asked for by name.

A module of checks may have hooks for what its observation needs: `seconds_needed(settings, contract)` says how much
longer than the gate a run takes (raises SettingsError or ContractError for what cannot be done), `guard(run)` raises
RefusedError before anything is done that needs consent, and `finish(run, pytest_code)` completes results and reports at
the end, also after an interruption. `dry_run(settings, contract, batches)` gives the lines of `--dry-run`.
"""
_CONTRACT: pytest.StashKey[Contract] = pytest.StashKey()
_RUN: pytest.StashKey[Run] = pytest.StashKey()
_SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
_RESULT: pytest.StashKey[Result] = pytest.StashKey()
_PAYLOAD = "selfcheck"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the gate's own options."""
    group = parser.getgroup("self-check")
    group.addoption(
        "--promise",
        action="append",
        default=[],
        metavar="ID",
        help="check only this promise (or `area.*`); repeatable",
    )
    group.addoption(
        "--dry-run",
        action="store_true",
        help="of experiments: say what would be done to what, and what undoes it; nothing is sent",
    )


# --------------------------------------------------------------------------------------------------------------- set-up


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read settings and contract when checks are about to run; a mistake in them ends the run with exit code 4."""
    if not _folders_asked_for(config):
        return
    # Imported here, not at the top: pytest loads this plugin for every run in the repository.
    from selfcheck import contract, settings  # noqa: PLC0415

    for area in areas(*FOLDERS):
        config.addinivalue_line("markers", f"{area}: promises of this area of the contract")
    worker: dict[str, Any] = getattr(config, "workerinput", {})
    try:
        # The others need not be there: load and chaos have models that cost the gate a quarter of its start.
        wanted = dict.fromkeys((GATE, *_folders_asked_for(config)))
        import_checks(*wanted)
        read = settings.read()
        loaded = config.stash[_CONTRACT] = contract.load(read.contract)
        loaded.validate(elsewhere=set(areas(*FOLDERS)) - set(areas(*wanted)))
        # What is imported by now lives as long as the process: no collection at the end need walk through it.
        gc.freeze()
        if config.option.dry_run:
            config.stash[_SETTINGS] = read
        if config.option.collectonly or config.option.dry_run:
            return
        from selfcheck.run import open_run  # noqa: PLC0415 - the clients, which a mere list of checks does not need

        more_seconds = sum(hook(read, loaded) for hook in _hooks(config, "seconds_needed"))
        opened = open_run(read, loaded, run_id=worker.get("selfcheck_run_id"), more_seconds=more_seconds)
    except (contract.ContractError, settings.SettingsError) as error:
        from selfcheck.report import unusable  # noqa: PLC0415

        unusable(str(error))
        raise pytest.UsageError(str(error)) from None
    config.stash[_RUN] = opened
    opened.remarks += settings.unknown_variables()
    option = config.option
    if _is_worker(config):
        _take_over(opened, worker)
        # A worker reads the command line anew, and knows nothing of what was decided here since.
        for name, value in worker.get("selfcheck_options", {}).items():
            setattr(option, name, value)
        return
    _end_tidily_on_signals(config)
    # The gate has its own, shorter way to say what failed; `-v` or `--tb` bring pytest's back.
    if not any(argument.startswith(("-v", "--tb", "-r")) for argument in config.invocation_params.args):
        option.tbstyle, option.reportchars, option.no_header, option.no_summary = "no", "", True, False
        option.verbose = min(option.verbose, -1)
    if hasattr(option, "allure_report_dir") and option.allure_report_dir is None:
        with contextlib.suppress(OSError):  # the other reports will say why the folder cannot be used
            (read.output / _ALLURE).mkdir(parents=True, exist_ok=True)
            option.allure_report_dir, option.clean_alluredir = str(read.output / _ALLURE), True


_ALLURE = "allure-results"


class Interrupted(KeyboardInterrupt):
    """The run was ended from outside; of a kind of its own, because pytest shows a place in the code for the other."""


def _end_tidily_on_signals(config: pytest.Config) -> None:
    """Let SIGTERM, with which CI systems and clusters end a job, do what Ctrl-C does: undo, report, exit code 2."""

    def interrupt(number: int, _: object) -> None:
        raise Interrupted(signal.Signals(number).name)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            config.add_cleanup(partial(_handle_again, number, signal.signal(number, interrupt)))


def _handle_again(number: int, handler: Any) -> None:
    signal.signal(number, handler)


def _folders_asked_for(config: pytest.Config) -> list[str]:
    """Give the folders of live checks among what pytest is asked to run."""
    if config.option.help or config.option.version:
        return []
    root = config.invocation_params.dir
    asked = [(root / str(argument).split("::")[0]).resolve() for argument in config.args]
    return [folder for folder in FOLDERS if any((_ROOT / folder) in (path, *path.parents) for path in asked)]


def _hooks(config: pytest.Config, name: str) -> list[Any]:
    """Give the functions of that name of the modules of checks that are asked for."""
    modules = [f"{folder}.test_{area}" for folder in _folders_asked_for(config) for area in areas(folder)]
    return [hook for module in modules if (hook := getattr(sys.modules[module], name, None)) is not None]


def import_checks(*folders: str) -> None:
    """Import every area of checks, so that all kinds of promises are known before the contract is validated.

    Of all folders, unless some are named.
    """
    if str(_ROOT) not in sys.path:
        sys.path.insert(0, str(_ROOT))
    for folder in folders or FOLDERS:
        for area in areas(folder):
            importlib.import_module(f"{folder}.test_{area}")


def areas(*folders: str) -> list[str]:
    """Give the areas that have checks, of the gate unless folders are named; each is a marker, for `-m compare`."""
    modules = (module.name for module in pkgutil.iter_modules([str(_ROOT / folder) for folder in folders or (GATE,)]))
    return [name.removeprefix("test_") for name in modules if name.startswith("test_")]


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


# ----------------------------------------------------------------------------------------------------------- collection


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Call a check once for each promise of its kind."""
    bound = getattr(metafunc.function, KIND_ATTRIBUTE, None)
    loaded = metafunc.config.stash.get(_CONTRACT, None)
    if bound is None or loaded is None:
        return
    promises = loaded.promises(*bound)
    metafunc.parametrize("promise", promises, ids=[promise.id for promise in promises])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Apply `--promise`, and mark items with the right that they need."""
    from selfcheck.contract import matches  # noqa: PLC0415

    if config.stash.get(_CONTRACT, None) is None:
        return
    wanted: list[str] = config.option.promise
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        promise = _promise_of(item)
        if promise is None:
            # A check without promises in this contract has nothing to look at; anything else is no check of ours.
            if _kind_of(item) is None:
                kept.append(item)
            continue
        item.add_marker(str(promise.right))
        item.add_marker(promise.id.partition(".")[0])
        chosen = not wanted or any(matches(pattern, promise.id) for pattern in wanted)
        (kept if chosen else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    batches: dict[str, int] = {}
    items[:] = sorted(kept, key=lambda item: _turn(item, batches))


def _turn(item: pytest.Item, batches: dict[str, int]) -> tuple[int, int]:
    """Say when an item runs; pytest's own order stays among those of the same turn and batch."""
    promise, kind = _promise_of(item), _kind_of(item)
    if promise is None or kind is None:
        return 0, 0
    return turn(kind, promise), batches.setdefault(promise.batch, len(batches))


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> object:
    """The live target of this run, with every observation that checks share."""
    return request.config.stash[_RUN].target


def _promise_of(item: pytest.Item) -> Promise | None:
    callspec = getattr(item, "callspec", None)
    found = callspec.params.get("promise") if callspec is not None and _kind_of(item) is not None else None
    return found if isinstance(found, Promise) else None


def _kind_of(item: pytest.Item) -> str | None:
    bound: tuple[str, type[Promise]] | None = getattr(getattr(item, "function", None), KIND_ATTRIBUTE, None)
    return None if bound is None else bound[0]


# ------------------------------------------------------------------------------------------------------------ preflight


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """With parallel workers: look at the target before any worker starts, so that all share one preflight."""
    config = session.config
    run = config.stash.get(_RUN, None)
    if run is not None and getattr(config.option, "allure_report_dir", None):
        from selfcheck.report.allure import tolerate  # noqa: PLC0415

        tolerate(run.remarks)
    parallel = bool(getattr(config.option, "numprocesses", None)) and not config.option.collectonly
    if run is None or _is_worker(config) or not parallel:
        return
    _preflight(config, run)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Look at the target before the first check; no check runs against a stranger."""
    settings = session.config.stash.get(_SETTINGS, None)
    if settings is not None and not session.config.option.collectonly:
        _dry_run(session, settings)
        return True
    run = session.config.stash.get(_RUN, None)
    if run is None or session.config.option.collectonly:
        return None
    if not session.items and not _is_worker(session.config) and not run.preflight and not run.refusal:
        return None  # nothing was selected, so nobody is asked anything; pytest ends this with exit code 5
    if not run.preflight and not run.refusal and not _is_worker(session.config):
        _preflight(session.config, run)
    from selfcheck.judging import announce_counting  # noqa: PLC0415

    announce_counting(run, (promise for item in session.items if (promise := _promise_of(item)) is not None))
    if not run.refusal and not _is_worker(session.config):
        for begin in _hooks(session.config, "begin"):
            begin(run.target)
    return True if run.refusal else None


def _dry_run(session: pytest.Session, settings: Settings) -> None:
    """Print what the chosen checks would do to the target, where they do anything."""
    from selfcheck.contract import ContractError  # noqa: PLC0415
    from selfcheck.settings import SettingsError  # noqa: PLC0415

    config = session.config
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    batches = dict.fromkeys(promise.batch for item in session.items if (promise := _promise_of(item)) is not None)
    try:
        lines = [
            line
            for hook in _hooks(config, "dry_run")
            for line in hook(settings, config.stash[_CONTRACT], [name for name in batches if name])
        ]
    except (ContractError, SettingsError) as error:
        raise pytest.UsageError(str(error)) from None
    for line in lines or ["Nothing is broken on purpose by these checks."]:
        reporter.write_line(line)


def _preflight(config: pytest.Config, run: Run) -> None:
    from selfcheck.judging import look_first  # noqa: PLC0415
    from selfcheck.observation import RefusedError  # noqa: PLC0415

    try:
        look_first(run)
        for guard in _hooks(config, "guard"):
            guard(run)
    except RefusedError as error:
        run.refusal = run.clean(str(error))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    """Keep the checks of one area in one parallel worker: they share observations.

    All areas that send something to the platform stay together, too: they count the same counters, and use the same
    allowances. What only looks goes on beside them.

    pytest-xdist's own `loadgroup` does not group with pytest 9.2: it marks a node id that pytest no longer reads.
    """
    if config.stash.get(_RUN, None) is None or config.option.dist != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # noqa: PLC0415

    from selfcheck.contract import Right  # noqa: PLC0415

    import_checks()  # only workers collect, and the defaults of the promises are those of the checks
    contract = config.stash[_CONTRACT]
    sending = {each.id.partition(".")[0] for _, each in contract.all_promises() if each.right is not Right.READ}

    class ByArea(LoadScopeScheduling):  # type: ignore[misc] # pytest-xdist is published without types
        def _split_scope(self, nodeid: str) -> str:
            area = nodeid.partition("[")[2].partition(".")[0]
            return "sending" if area in sending else area or nodeid

    return ByArea(config, log)


def pytest_configure_node(node: Any) -> None:
    """Hand the preflight's findings to a parallel worker."""
    run = node.config.stash.get(_RUN, None)
    if run is not None:
        node.workerinput["selfcheck_run_id"] = run.target.platform.run_id
        node.workerinput["selfcheck_options"] = {
            "allure_report_dir": getattr(node.config.option, "allure_report_dir", None)
        }
        node.workerinput["selfcheck_blocked"] = {str(key): value for key, value in run.target.blocked.items()}
        node.workerinput["selfcheck_moved"] = run.target.platform.moved
        node.workerinput["selfcheck_absent"] = {
            str(key): [verdict.observed, verdict.remedy] for key, verdict in run.target.absent.items()
        }


def _take_over(run: Run, worker: dict[str, Any]) -> None:
    from selfcheck.contract import Component  # noqa: PLC0415
    from selfcheck.verdict import not_covered  # noqa: PLC0415

    blocked, absent = worker.get("selfcheck_blocked", {}), worker.get("selfcheck_absent", {})
    run.target.platform.moved.update(worker.get("selfcheck_moved", {}))
    run.target.blocked.update({Component(key): value for key, value in blocked.items()})
    run.target.absent.update({Component(key): not_covered(*value) for key, value in absent.items()})


# -------------------------------------------------------------------------------------------------------------- running


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run one check and keep its verdict; whatever happens inside it, there is a verdict."""
    run = pyfuncitem.config.stash.get(_RUN, None)
    promise = _promise_of(pyfuncitem)
    if run is None or promise is None:
        return None
    from selfcheck.judging import judge  # noqa: PLC0415

    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}  # noqa: SLF001
    kind, _ = getattr(pyfuncitem.function, KIND_ATTRIBUTE)
    pyfuncitem.stash[_RESULT] = judge(run, promise, kind, lambda: pyfuncitem.obj(**arguments))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a verdict into pytest's outcome: INCONCLUSIVE fails in strict mode and is skipped otherwise."""
    report = yield
    found = item.stash.get(_RESULT, None)
    run = item.config.stash.get(_RUN, None)
    if found is None or run is None or call.when != "call" or call.excinfo is not None:
        return report
    found = _waived(run, found)
    line = f"{found.outcome} {found.id}: {found.verdict.observed}"
    # What a root cause blocks is not red itself: the cause is reported once, by the preflight.
    unclear = found.outcome is Outcome.INCONCLUSIVE and run.settings.strict and not found.verdict.blocked_by
    fails = found.counts_as is Outcome.FAIL or unclear
    if fails:
        report.outcome, report.longrepr = "failed", line
    elif found.outcome is not Outcome.PASS:
        path, line_number, _ = item.location
        report.outcome, report.longrepr = "skipped", (path, line_number or 0, line)
    setattr(report, _PAYLOAD, found.as_json())
    return report


def _waived(run: Run, found: Result) -> Result:
    import datetime as dt  # noqa: PLC0415
    from dataclasses import replace  # noqa: PLC0415

    from selfcheck.run import waiver_for  # noqa: PLC0415

    waiver = waiver_for(run.contract.waivers, found.id)
    if waiver is None or found.outcome is not Outcome.FAIL or waiver.expires < dt.datetime.now(dt.UTC).date():
        return found
    return replace(found, waived=f"until {waiver.expires} by {waiver.owner}: {waiver.reason} ({waiver.link})")


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Show a check by its verdict: one letter in the progress line, the word with -v."""
    found = getattr(report, _PAYLOAD, None)
    if found is None or report.when != "call":
        return None
    outcome = Outcome(found["outcome"])
    if found["waived"]:
        return "skipped", "w", "WAIVED"
    letter = {Outcome.PASS: ".", Outcome.FAIL: "F", Outcome.INCONCLUSIVE: "?", Outcome.NOT_COVERED: "-"}[outcome]
    return report.outcome, letter, str(outcome)


# -------------------------------------------------------------------------------------------------------------- results


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect results; with parallel workers this runs in the controlling process."""
    found = getattr(report, _PAYLOAD, None)
    if found is not None:
        _COLLECTED.append(found)


_COLLECTED: list[dict[str, Any]] = []
"""Results of this process' run, as plain data; pytest gives the hook above no way to the run itself."""


def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ARG001 - see pytest_configure_node
    """Add up what a parallel worker has sent."""
    run = node.config.stash.get(_RUN, None)
    output = getattr(node, "workeroutput", {}).get(_PAYLOAD)
    if run is not None and output is not None:
        run.requests_to_platform += output["requests_to_platform"]
        run.target.left_behind += output["left_behind"]
        _add_traffic(run, output["traffic"])


def _add_traffic(run: Run, traffic: dict[str, dict[str, float]]) -> None:
    for area, figures in traffic.items():
        mine = run.traffic.setdefault(area, dict.fromkeys(figures, 0.0))
        for name, value in figures.items():
            mine[name] += value


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Work out the exit code and write the reports, whatever happened."""
    run = session.config.stash.get(_RUN, None)
    if run is None or session.config.option.collectonly:
        return
    run.requests_to_platform += run.target.platform.requests_sent
    _add_traffic(run, run.target.http.tally.as_json())
    if _is_worker(session.config):
        session.config.workeroutput[_PAYLOAD] = {  # type: ignore[attr-defined] # set by pytest-xdist
            "requests_to_platform": run.requests_to_platform,
            "traffic": run.traffic,
            "left_behind": run.target.left_behind,
        }
        return
    session.exitstatus = _finish(session.config, run, int(exitstatus))


def _finish(config: pytest.Config, run: Run, pytest_code: int) -> int:
    from selfcheck.report import write_all  # noqa: PLC0415
    from selfcheck.run import EXIT_INTERNAL, Result  # noqa: PLC0415

    run.results = [Result.from_json(found) for found in _COLLECTED]
    _COLLECTED.clear()
    for finish in _hooks(config, "finish"):
        finish(run, pytest_code)
    _hold_against_waivers(run)
    interrupted = pytest_code == pytest.ExitCode.INTERRUPTED
    if interrupted:
        run.remarks.append("interrupted; what was not looked at until then has no verdict")
    # Whatever ended pytest before its time: a part is not the whole, however green.
    run.incomplete = pytest_code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    code = run.exit_code(pytest_code)
    trouble = write_all(run, code, interrupted=interrupted)
    if trouble:
        run.remarks.append(trouble)
        run.unwritten = True
        code = code or EXIT_INTERNAL
    config.stash[_CODE] = code
    return code


_CODE = pytest.StashKey[int]()


def _hold_against_waivers(run: Run) -> None:
    import datetime as dt  # noqa: PLC0415

    from selfcheck.run import Result, judge_waivers  # noqa: PLC0415

    today = dt.datetime.now(dt.UTC).date()
    for waiver, verdict in judge_waivers(run.contract.waivers, run.results, today):
        if run.settings.strict:
            found = Result(
                f"waivers.{waiver.check}",
                "waivers.waiver",
                "every waiver is needed and has not expired",
                "warning",
                waiver.owner,
                waiver.link,
                verdict,
            )
            run.results.append(found)
        else:
            run.remarks.append(f"{verdict.where}: {verdict.observed}")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what a person needs: each failure, what was not looked at, and what the run cost."""
    run = config.stash.get(_RUN, None)
    if run is None or config.option.collectonly or _is_worker(config):
        return
    from selfcheck.report.terminal import render  # noqa: PLC0415

    for line in render(run, config.stash.get(_CODE, 0), width=min(config.get_terminal_writer().fullwidth, 100)):
        terminalreporter.write_line(line.text, **line.markup)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close all connections."""
    run = config.stash.get(_RUN, None)
    if run is not None:
        from selfcheck.run import close  # noqa: PLC0415

        close(run)
