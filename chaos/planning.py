"""`python -m chaos plan`: what experiments would do, to what, for how long, and what undoes it. Nothing is sent."""

from __future__ import annotations

import contextlib
import math
import shlex
import sys
import textwrap
from typing import TYPE_CHECKING

from chaos import plan
from chaos.promises import OfExperiment
from chaos.references import check
from load import wording
from load.plan import Refused, line_of, profiles
from selfcheck import contract as contracts
from selfcheck import settings as all_settings
from selfcheck.contract import Component, Right
from selfcheck.settings import SETTING_OF, Scope, SettingsError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chaos.plan import Experiment, Fault, Lever
    from selfcheck.contract import Contract

_WIDTH = 100
_LABEL = 10


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command `plan`."""
    command = commands.add_parser("plan", help="print what experiments would do, and do nothing")
    command.add_argument("-k", dest="pattern", default="", help="only experiments whose name has this in it")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from selfcheck.plugin import import_checks  # noqa: PLC0415 - all areas, which a mere import of this needs not

    import_checks()
    settings = all_settings.read()
    contract = contracts.load(settings.contract)
    contract.validate()
    check(contract)
    lines = list(render_plan(contract, Scope(settings, contract), named(contract, options.pattern)))
    with contextlib.suppress(OSError):  # nobody reads on (`| head`)
        sys.stdout.write("\n".join(lines) + "\n")
    return 0


def named(contract: Contract, pattern: str) -> list[str]:
    """Give the experiments whose name has the pattern in it, all for an empty one; raises SettingsError for none."""
    known = plan.experiments(contract)
    found = [name for name in known if pattern in name]
    if not found:
        there_are = f"there are {', '.join(known)}" if known else "the contract has none"
        message = f"no experiment has {pattern!r} in its name; {there_are}"
        raise SettingsError(message)
    return found


def render_plan(contract: Contract, scope: Scope, names: Iterable[str]) -> Iterator[str]:
    """Give the plan of experiments line by line; raises ContractError. The names must be those of experiments."""
    known = plan.experiments(contract)
    chosen = [known[name] for name in names]
    scale = scope.environment.time_scale
    yield f"Plan for {scope.base_url} ({scope.name}); nothing is sent."
    yield from _consent(scope)
    if scale != 1:
        yield f"Production timings are divided by {scale:g}."
    for experiment in chosen:
        yield ""
        yield f"{experiment.name}: {experiment.says}"
        for label, texts in _about(contract, scope, experiment):
            for number, text in enumerate(texts):
                yield from _field("" if number else label, text)
    longest = sum(each.quiet_seconds + each.hold(scale) + each.settle(scale) for each in chosen)
    yield ""
    yield (
        f"{len(chosen)} {'experiment' if len(chosen) == 1 else 'experiments'},"
        f" {wording.clock(math.ceil(longest))} at most beside what the guard, the steady state and the load need."
    )


def _consent(scope: Scope) -> Iterator[str]:
    environment = scope.environment
    if Right.CHAOS not in environment.allow:
        yield f"It would be refused: the environment {scope.name} does not allow chaos."
    elif environment.change_freeze:
        yield f"It would be refused: a change freeze is set ({environment.change_freeze})."
    else:
        yield f"It needs consent: CHAOS_CONSENT={scope.name}."


def _about(contract: Contract, scope: Scope, experiment: Experiment) -> Iterator[tuple[str, Sequence[str]]]:
    levers = plan.levers(contract)
    yield "fault", [f"{_text(fault)} ({levers[fault.lever].says})" for fault in experiment.faults]
    yield "target", list(dict.fromkeys(_target(levers[fault.lever], fault, scope) for fault in experiment.faults))
    yield "radius", list(dict.fromkeys(_radius(contract, scope, fault) for fault in experiment.faults))
    yield "stays", [_times(experiment, scope.environment.time_scale)]
    undos = [_undo(levers[fault.lever], fault) for fault in reversed(experiment.faults)]
    yield "undo", [*dict.fromkeys(undos), "should the runner die, the reaper does it by the ledger"]
    yield "probes", list(_probes(contract, experiment))
    yield "load", [_load(contract, experiment)]
    promises = [
        promise.id
        for _, promise in contract.all_promises()
        if isinstance(promise, OfExperiment) and promise.experiment == experiment.name
    ]
    yield "judged", [f"{len(promises)} promises: {', '.join(promises)}" if promises else "nothing"]
    missing = list(_missing(levers, scope, experiment))
    if missing:
        yield "not here", missing


def _text(fault: Fault) -> str:
    if not fault.milliseconds_of:
        return fault.text
    return f"{fault.text}, as long as {fault.factor:g} times {fault.milliseconds_of} of the health page"


def _target(lever: Lever, fault: Fault, scope: Scope) -> str:
    if lever.proxy:
        return f"proxy {lever.proxy} of Toxiproxy at {scope.url(Component.TOXIPROXY) or 'an unknown address'}"
    if lever.redis:
        return f"settings of Redis: {', '.join(lever.redis[fault.kind])}"
    return _command(lever.commands[fault.kind].make)


def _command(words: Sequence[str]) -> str:
    return f"runs: {shlex.join(word.replace('{python}', 'python') for word in words)}"


def _radius(contract: Contract, scope: Scope, fault: Fault) -> str:
    """Say how much of the platform a fault touches, as far as the contract tells."""
    lever = plan.levers(contract)[fault.lever]
    replicas = scope.environment.replicas
    everyone = f"all {replicas} replicas" if replicas else "all replicas"
    if lever.redis:
        return f"Redis as a whole, which {everyone} share"
    if not lever.proxy:
        return f"what the commands touch: {lever.says}"
    providers = {each.provider for each in plan.experiments(contract).values() if each.provider}
    what = (
        f"the provider {lever.proxy}, 1 of {len(providers)} that experiments know"
        if lever.proxy in providers
        else lever.says
    )
    return f"{what}, {wording.share(fault.share)} of the connections, {everyone}"


def _times(experiment: Experiment, scale: float) -> str:
    hold = experiment.hold(scale)
    shorter = [f"{fault.lever} {wording.clock(hold * fault.lasts)}" for fault in experiment.faults if fault.lasts < 1]
    early = f" ({', '.join(shorter)})" if shorter else ""
    return (
        f"{wording.clock(hold)}{early}, after"
        f" {wording.clock(experiment.quiet_seconds)} without a fault;"
        f" recovery is waited for {wording.clock(experiment.settle(scale))} at most"
    )


def _undo(lever: Lever, fault: Fault) -> str:
    if lever.redis:
        return f"Redis gets its former values of {', '.join(lever.redis[fault.kind])}"
    if not lever.proxy:
        return _command(lever.commands[fault.kind].undo)
    if fault.kind == "down":
        return f"the proxy {lever.proxy} is enabled"
    if fault.kind == "garbage":
        return f"the proxy {lever.proxy} gets its former server"
    return f"the toxic is removed from the proxy {lever.proxy}; else the proxy is disabled and enabled, or made anew"


def _probes(contract: Contract, experiment: Experiment) -> Iterator[str]:
    known = plan.probes(contract)
    for name, how in ((experiment.probe, "through it"), *((name, "beside it") for name in experiment.controls)):
        probe = known[name]
        each = " to each replica" if probe.each_replica else ""
        yield f"{name}, {how}: {wording.rate(probe.rate_per_second)}{each} ({probe.says})"


def _load(contract: Contract, experiment: Experiment) -> str:
    if not experiment.load:
        return "none"
    profile = profiles(contract).get(experiment.load)
    if profile is None:
        return f"the profile {experiment.load}, which load.toml has not"
    try:
        rate = wording.rate(line_of(profile, recorded=None, seconds=None, rate_factor=1.0).rate_max)
    except Refused:
        rate = "as recorded"
    return f"the profile {profile.name}: {rate} ({profile.says})"


def _missing(levers: Mapping[str, Lever], scope: Scope, experiment: Experiment) -> Iterator[str]:
    """Say what keeps the experiment from being done in this environment."""
    for fault in experiment.faults:
        lever = levers[fault.lever]
        if lever.environments and scope.name not in lever.environments:
            yield f"the environment {scope.name} has no lever {lever.name}"
        needed = Component.TOXIPROXY if lever.proxy else Component.REDIS if lever.redis else None
        if needed is not None and not scope.covers(needed):
            yield f"{needed} is out of scope: set {SETTING_OF[needed]}"


def _field(label: str, text: str) -> Iterator[str]:
    first, rest = f"  {label}".ljust(_LABEL + 2), " " * (_LABEL + 4)
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
