"""`python -m chaos judge FOLDER`: saved experiments judged again, by the promises as they are now. Nothing is sent."""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chaos import plan
from chaos import record as records
from chaos.promises import OfExperiment
from chaos.report.writing import HTML_FILE, saved, write_all
from selfcheck import contract as contracts
from selfcheck import settings as all_settings
from selfcheck.checking import checks
from selfcheck.contract import matches
from selfcheck.judging import judge
from selfcheck.report.terminal import render
from selfcheck.run import EXIT_PASS, close, open_run
from selfcheck.settings import SettingsError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Sequence
    from typing import TextIO

    from selfcheck.contract import Contract
    from selfcheck.run import Run
    from selfcheck.settings import Settings

_WIDTH = 100


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command `judge`."""
    command = commands.add_parser("judge", help="judge saved experiments again, and write their report anew")
    command.add_argument("folder", type=Path, help="`chaos` below the output folder of a run, or one experiment in it")
    command.add_argument("--promise", action="append", default=[], metavar="ID", help="only this one, or `chaos.x.*`")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from selfcheck.plugin import import_checks  # noqa: PLC0415 - all areas, which a mere import of this needs not

    import_checks()
    settings = all_settings.read()
    contract = contracts.load(settings.contract)
    contract.validate()
    folder, names = found_in(options.folder)
    run = judge_saved(settings, contract, folder, names, options.promise)
    return show(run, contract, folder, names, sys.stdout)


def found_in(folder: Path) -> tuple[Path, list[str]]:
    """Give the folder of a run and the names of its experiments; raises SettingsError where there are none.

    The folder may be that of one experiment, or the output folder above that of the run.
    """
    if (folder / records.RECORD_FILE).is_file() or (folder / records.TIMELINE_FILE).is_file():
        whole = folder.absolute()
        return whole.parent, [whole.name]
    for place in (folder, folder / records.FOLDER):
        names = saved(place)
        if names:
            return place, names
    message = f"{folder} has no saved experiment; name the folder `{records.FOLDER}` below the output folder of a run"
    raise SettingsError(message)


def judge_saved(
    settings: Settings, contract: Contract, folder: Path, names: Collection[str], wanted: Sequence[str] = ()
) -> Run:
    """Judge the promises of saved experiments; gives a run with their results.

    `wanted` has ids or `chaos.x.*`; nothing means all. What is in scope and allowed now does not matter: all has been
    seen. Raises SettingsError where no promise is about these experiments.
    """
    chosen = [
        (kind, promise)
        for kind, promise in contract.all_promises()
        if isinstance(promise, OfExperiment)
        and promise.experiment in names
        and (not wanted or any(matches(pattern, promise.id) for pattern in wanted))
    ]
    if not chosen:
        message = f"no promise{' that is asked for' if wanted else ''} is about {', '.join(names)}"
        raise SettingsError(message)
    # Whoever asks for a judgement wants to know what cannot be told, unless they say otherwise.
    strict = settings.strict if "strict" in settings.model_fields_set else True
    run = open_run(
        settings.model_copy(
            update={"chaos_record": folder, "strict": strict, **_environment(settings, contract, folder)}
        ),
        contract,
    )
    try:
        for kind, promise in chosen:
            look = partial(checks()[kind], promise, run.target)
            run.results.append(judge(run, promise, kind, look, saved=True))
    finally:
        close(run)
    return run


def _environment(settings: Settings, contract: Contract, folder: Path) -> dict[str, str]:
    """Give the environment of the saved run, unless another one was chosen."""
    if settings.model_fields_set & {"environment", "base_url"}:
        return {}
    for name in saved(folder):
        try:
            environment = records.read(folder / name / records.RECORD_FILE).environment
        except (OSError, ValueError):
            continue
        if environment in contract.platform.environments:
            return {"environment": environment}
    return {}


def show(run: Run, contract: Contract, folder: Path, names: Collection[str], stream: TextIO) -> int:
    """Write the report of what was judged, print it as the gate does, and give the exit code."""
    code = run.exit_code(EXIT_PASS)
    trouble = write_all(
        folder,
        run.results,
        clean=run.clean,
        exit_code=code,
        promises=[promise for _, promise in contract.all_promises()],
        experiments=plan.experiments(contract),
        only=names,
    )
    run.remarks.append(trouble or f"report of the experiments: {folder / HTML_FILE}")
    run.unwritten = True  # there is no verdict file of a second judgement
    with contextlib.suppress(OSError):  # nobody reads on, which changes nothing about the verdict
        stream.writelines(f"{line.text}\n" for line in render(run, code, width=_WIDTH))
    return code
