"""That experiments and their promises name only what the contract has: no misspelt lever waits for a game day."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, get_args

from chaos import plan
from chaos.promises import OfExperiment
from load.plan import profiles
from selfcheck.contract import ContractError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from selfcheck.contract import Contract


def check(contract: Contract) -> None:
    """Raise ContractError that says all that is named and not there."""
    found = list(dict.fromkeys(_wrong(contract)))
    if found:
        place = contract.folder / "chaos.toml"
        raise ContractError("\n".join(f"{place}: {each}" for each in found[:10]))


def _wrong(contract: Contract) -> Iterator[str]:
    levers, probes, watches = plan.levers(contract), plan.probes(contract), plan.watches(contract)
    experiments = plan.experiments(contract)
    for experiment in experiments.values():
        place = f"[[experiment]] {experiment.name}"
        for name in (experiment.probe, *experiment.controls):
            yield from _named(place, "probe", name, probes)
        if experiment.load:
            yield from _named(place, "profile of load.toml", experiment.load, profiles(contract))
        for fault in experiment.faults:
            yield from _named(place, "lever", fault.lever, levers)
            if fault.lever in levers:
                yield from _named(f"{place}: {fault.lever}", "kind of fault", fault.kind, kinds(levers[fault.lever]))
    for _, promise in contract.all_promises():
        if isinstance(promise, OfExperiment):
            yield from _named(promise.id, "experiment", promise.experiment, experiments)
            for name in filter(None, (getattr(promise, "probe", ""), *getattr(promise, "probes", ()))):
                yield from _named(promise.id, "probe", name, probes)
            if watch := getattr(promise, "watch", ""):
                yield from _named(promise.id, "watch", watch, watches)


def kinds(lever: plan.Lever) -> Collection[str]:
    """Give the kinds of faults that a lever can make."""
    return lever.commands or lever.redis or get_args(plan.ProxyFault)


def _named(place: str, what: str, name: str, known: Collection[str]) -> Iterator[str]:
    if name in known:
        return
    close = difflib.get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    yield f"{place} names the {what} {name!r}, which is not there{hint} (known: {', '.join(sorted(known)) or 'none'})"
