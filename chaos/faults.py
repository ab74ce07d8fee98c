"""Faults, and how they are taken back.

`prepare` turns a fault of the contract into what makes it, and into its inverse as plain data, before anything is
changed. `undo` needs nothing but the inverse and the settings, so it works in another process, after the one that made
the fault was killed, more than once, and where nothing was ever made.

What toxics do: their share is drawn for each connection anew when it is made. `black_hole` cuts the connections that it
held when it is taken off. `latency` delays what is sent, not connecting. Changing a proxy cuts all of its connections.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from chaos import commands
from chaos.hands import OURS, Hands, marks_of, new_mark
from chaos.inverses import CommandInverse, Inverse, ProxyBefore, ProxyInverse, RedisInverse
from selfcheck.clients._bounded import address
from selfcheck.clients.toxiproxy import Proxy, Toxic, Toxiproxy
from selfcheck.contract import Component, ContractError
from selfcheck.observation import CouldNotObserve, RefusedError
from selfcheck.settings import SETTING_OF
from selfcheck.waiting import GaveUp, NotYet, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chaos.plan import Command, Fault, Lever
    from selfcheck.clients.redis import Redis

__all__ = [
    "CommandInverse",
    "Hands",
    "Inverse",
    "NotMadeError",
    "NotThere",
    "NotUndoneError",
    "Prepared",
    "ProxyInverse",
    "RedisInverse",
    "leftovers",
    "prepare",
    "remains",
    "undo",
]

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PATIENCE_SECONDS: Final = 3.0
"""How long a command that a killed runner left running may go on before it is ended."""
_LOOK_SECONDS: Final = 0.2
_UNITS: Final = {"": 1, "b": 1, "k": 1000, "kb": 1024, "m": 1000**2, "mb": 1024**2, "g": 1000**3, "gb": 1024**3}
_SETTING: Final = re.compile(r"[a-z][a-z0-9-]*")
# With these, nobody could reach Redis to set them back, or their old value is a secret, which no ledger may hold.
_SETTINGS_NOT_TOUCHED: Final = frozenset(
    {"bind", "maxclients", "masterauth", "port", "protected-mode", "requirepass", "tls-key-file-pass", "tls-port"}
)


class NotThere(Exception):  # noqa: N818 - a state of affairs
    """The lever is not there, in this environment or at this moment; the text says what is missing."""


class NotMadeError(Exception):
    """The fault was tried, and is not there; the text says what was seen."""


class NotUndoneError(Exception):
    """The fault could not be taken back, or not seen to be; the text says what remains and what was tried."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A fault that is ready to be made; nothing is changed yet.

    `target` says what will be changed, and where; `undo_text` how it will be taken back. `inject` makes it and raises
    CouldNotObserve or NotMadeError; whatever it raises, the fault may be there, and has to be taken back. `prove`
    reads back, says what was seen, and raises NotMadeError (or CouldNotObserve) when the fault is not there.
    """

    fault: str
    target: str
    undo_text: str
    inverse: Inverse
    inject: Callable[[], None]
    prove: Callable[[], str]

    @property
    def mark(self) -> str:
        """The name of this fault: of its record in the ledger, and of its toxic."""
        return self.inverse.mark


def prepare(fault: Fault, lever: Lever, hands: Hands, run_id: str) -> Prepared:
    """Get a fault ready, and its inverse; nothing is changed.

    Raises NotThere, CouldNotObserve when it cannot be told, RefusedError when somebody else has changed the same thing,
    and ContractError for a fault that no lever of this kind can make.
    """
    if lever.environments and hands.scope.name not in lever.environments:
        message = f"{fault.lever} exists in {', '.join(lever.environments)}, not in {hands.scope.name}"
        raise NotThere(message)
    if lever.proxy:
        made = _proxy_fault(fault, lever, hands, run_id)
    elif lever.commands:
        made = _command_fault(fault, lever, hands, run_id)
    else:
        made = _redis_fault(fault, lever, hands, run_id)
    return _doubting(made, hands)


def _doubting(prepared: Prepared, hands: Hands) -> Prepared:
    """Remember when making it broke off: what was sent may still arrive."""

    def inject() -> None:
        hands.doubtful.add(prepared.mark)
        prepared.inject()
        hands.doubtful.discard(prepared.mark)

    return Prepared(prepared.fault, prepared.target, prepared.undo_text, prepared.inverse, inject, prepared.prove)


def undo(inverse: Inverse, hands: Hands) -> tuple[str, ...]:
    """Take a fault back, and read back that it is gone; gives the steps that it took, none when it was not there.

    Raises NotUndoneError. It may be called again, and where nothing was ever made.
    """
    if isinstance(inverse, ProxyInverse):
        return _undo_proxy(inverse, hands)
    if isinstance(inverse, CommandInverse):
        return _undo_command(inverse, hands)
    return _undo_redis(inverse, hands)


def remains(inverse: Inverse, hands: Hands) -> str:
    """Say what is left of a fault, empty when nothing is; raises CouldNotObserve when it cannot be told."""
    if isinstance(inverse, ProxyInverse):
        return _left_of_proxy(inverse, _client(inverse, hands).proxy(inverse.before.name))
    if isinstance(inverse, CommandInverse):
        return _left_of_command(inverse, hands)
    return _left_in_redis(inverse, hands)


def leftovers(hands: Hands) -> tuple[str, ...]:
    """Say, one sentence each, which toxics there are, ours or foreign, and which proxies are disabled.

    Nothing where there is no Toxiproxy in scope; raises CouldNotObserve when it does not answer.
    """
    client = hands.toxiproxy()
    if client is None:
        return ()
    found = []
    for proxy in client.proxies():
        for toxic in proxy.toxics:
            whose = "a toxic of a run of ours" if toxic.name.startswith(OURS) else "a foreign toxic"
            found.append(f"{whose} is on the proxy {proxy.name}: {toxic.name} ({toxic.kind})")
        if not proxy.enabled:
            found.append(f"the proxy {proxy.name} is disabled")
    return tuple(found)


# -------------------------------------------------------------------------------------------------------------- proxies


def _proxy_fault(fault: Fault, lever: Lever, hands: Hands, run_id: str) -> Prepared:
    client = hands.toxiproxy()
    if client is None:
        message = f"{fault.lever} is a proxy of Toxiproxy, which is not in scope; set {SETTING_OF[Component.TOXIPROXY]}"
        raise NotThere(message)
    mark = new_mark(run_id)
    toxic = _toxic(fault, mark)
    proxy = _free(client, lever.proxy, hands, run_id)
    where = f"proxy {proxy.name} ({proxy.listen} to {proxy.upstream}) of {address(client.url)}"
    before = ProxyBefore(name=proxy.name, listen=proxy.listen, upstream=proxy.upstream)
    inverse = ProxyInverse(kind="toxic", mark=mark, toxiproxy=address(client.url), before=before)
    if toxic is not None:
        return Prepared(
            fault.text,
            f"{where}: the toxic {mark} ({toxic.kind} {_figures(toxic)})",
            f"remove the toxic {mark} from the proxy {proxy.name}",
            inverse,
            lambda: _ignore(client.add_toxic(proxy.name, toxic)),
            lambda: _prove_toxic(client, proxy.name, toxic),
        )
    if fault.kind == "down":
        return Prepared(
            fault.text,
            f"{where}: disabled",
            f"enable the proxy {proxy.name}",
            inverse.model_copy(update={"kind": "enabled"}),
            lambda: _ignore(client.change(proxy.name, enabled=False)),
            lambda: _prove_down(client, proxy.name),
        )
    return _garbage(fault, hands, client, inverse, where)


def _garbage(fault: Fault, hands: Hands, client: Toxiproxy, inverse: ProxyInverse, where: str) -> Prepared:
    if (urlsplit(client.url).hostname or "") not in _LOOPBACK:
        message = f"{fault.lever}: garbage comes from a server on this machine, and {address(client.url)} is on another"
        raise NotThere(message)
    before = inverse.before
    server = hands.start_nonsense()
    return Prepared(
        fault.text,
        f"{where}: leads to {server}, which answers nonsense",
        f"let the proxy {before.name} lead to {before.upstream} again",
        inverse.model_copy(update={"kind": "upstream", "led_to": server}),
        lambda: _ignore(client.change(before.name, upstream=server)),
        lambda: _prove_upstream(client, before.name, server),
    )


def _toxic(fault: Fault, mark: str) -> Toxic | None:
    """The toxic that makes a fault of a proxy, None for one that needs none; raises ContractError."""
    needed: dict[str, tuple[str, ...]] = {
        "latency": ("milliseconds",),
        "black_hole": (),
        "reset": (),
        "slow_close": ("milliseconds",),
        "half_closed": (),
        "bandwidth": ("kilobytes_per_second",),
        "sliced": ("bytes",),
        "down": (),
        "garbage": (),
    }
    if fault.kind not in needed:
        message = f"{fault.lever}: a proxy has no fault {fault.kind!r} (known: {', '.join(needed)})"
        raise ContractError(message)
    missing = [name for name in needed[fault.kind] if not getattr(fault, name)]
    if missing:
        message = f"{fault.text}: give {' and '.join(missing)}"
        raise ContractError(message)
    if fault.kind in {"down", "garbage"}:
        if fault.share < 1:
            message = f"{fault.text}: it concerns all connections; leave `share` out"
            raise ContractError(message)
        return None
    if fault.share <= 0:
        message = f"{fault.text}: a share of nothing is no fault"
        raise ContractError(message)
    kind, attributes = {
        "latency": ("latency", {"latency": fault.milliseconds, "jitter": fault.jitter_milliseconds}),
        "black_hole": ("timeout", {"timeout": 0}),
        "reset": ("reset_peer", {"timeout": fault.milliseconds}),
        "slow_close": ("slow_close", {"delay": fault.milliseconds}),
        "half_closed": ("limit_data", {"bytes": fault.bytes}),
        "bandwidth": ("bandwidth", {"rate": fault.kilobytes_per_second}),
        # Toxiproxy counts this delay in microseconds.
        "sliced": ("slicer", {"average_size": fault.bytes, "size_variation": 0, "delay": fault.milliseconds * 1000}),
    }[fault.kind]
    return Toxic(mark, kind, fault.stream, fault.share, attributes)


def _free(client: Toxiproxy, name: str, hands: Hands, run_id: str) -> Proxy:
    """The proxy of a lever, when nobody else has changed it."""
    version = client.version()
    if re.match(r"v?[01]\.", version):
        message = f"Toxiproxy {version} at {address(client.url)} is too old: version 2 is needed"
        raise RefusedError(message)
    proxy = client.proxy(name)
    if proxy is None:
        known = ", ".join(each.name for each in client.proxies()) or "none"
        message = f"Toxiproxy at {address(client.url)} has no proxy {name!r} (it has: {known})"
        raise NotThere(message)
    foreign = [toxic.name for toxic in proxy.toxics if not toxic.name.startswith(marks_of(run_id))]
    if foreign:
        message = (
            f"the proxy {name} has toxics that are not of this run: {', '.join(foreign)}; remove them first "
            "(`make chaos-recover` takes back what runs of ours have left)"
        )
        raise RefusedError(message)
    if not proxy.enabled:
        message = (
            f"the proxy {name} is disabled already; enable it first (`make chaos-recover`, if it was a run of ours)"
        )
        raise RefusedError(message)
    if hands.is_nonsense(proxy.upstream):
        message = f"the proxy {name} leads to nonsense already: another fault of this run has changed it"
        raise RefusedError(message)
    return proxy


def _ignore(_: object) -> None:
    """For what is called for its effect; it was read back already."""


def _figures(toxic: Toxic) -> str:
    figures = [f"{name} {value}" for name, value in toxic.attributes.items()]
    return ", ".join([*figures, toxic.stream, f"{toxic.toxicity:.0%} of the connections"])


def _seen(client: Toxiproxy, name: str) -> Proxy:
    proxy = client.proxy(name)
    if proxy is None:
        message = f"the proxy {name} is gone"
        raise NotMadeError(message)
    return proxy


def _prove_toxic(client: Toxiproxy, name: str, toxic: Toxic) -> str:
    proxy = _seen(client, name)
    found = next((each for each in proxy.toxics if each.name == toxic.name), None)
    if found is None or not found.is_as(toxic):
        message = f"the proxy {name} has {found or f'no toxic {toxic.name}'}, not {toxic.kind} {_figures(toxic)}"
        raise NotMadeError(message)
    if not proxy.enabled:
        message = f"the toxic {toxic.name} is on the proxy {name}, but that is disabled"
        raise NotMadeError(message)
    return f"the proxy {name} has the toxic {toxic.name}: {toxic.kind}, {_figures(found)}"


def _prove_down(client: Toxiproxy, name: str) -> str:
    if _seen(client, name).enabled:
        message = f"the proxy {name} is enabled"
        raise NotMadeError(message)
    return f"the proxy {name} is disabled"


def _prove_upstream(client: Toxiproxy, name: str, server: str) -> str:
    proxy = _seen(client, name)
    if proxy.upstream != server or not proxy.enabled:
        message = f"the proxy {name} leads to {proxy.upstream}{'' if proxy.enabled else ' and is disabled'}"
        raise NotMadeError(message)
    return f"the proxy {name} leads to {server}, which answers nonsense"


def _client(inverse: ProxyInverse, hands: Hands) -> Toxiproxy:
    client = hands.toxiproxy(inverse.toxiproxy)
    assert client is not None  # it is asked for by its URL
    return client


def _left_of_proxy(inverse: ProxyInverse, proxy: Proxy | None) -> str:
    name = inverse.before.name
    if proxy is None:
        return f"the proxy {name} is gone from {inverse.toxiproxy}"
    left = []
    if any(toxic.name == inverse.mark for toxic in proxy.toxics):
        left.append(f"has the toxic {inverse.mark}")
    if not proxy.enabled:
        left.append("is disabled")
    if inverse.led_to and proxy.upstream == inverse.led_to:
        left.append(f"leads to {proxy.upstream} instead of {inverse.before.upstream}")
    return f"the proxy {name} {' and '.join(left)}" if left else ""


def _undo_proxy(inverse: ProxyInverse, hands: Hands) -> tuple[str, ...]:
    """Climb the ladder until nothing is left: take it back, disable and enable the proxy, delete and re-create it."""
    client = _client(inverse, hands)
    steps: list[str] = []
    troubles: list[str] = []
    rungs = (_mend, _restart, _recreate)
    left = "it is not known what is left"
    for rung in rungs:
        try:
            left = remains(inverse, hands)
        except CouldNotObserve as error:
            # The other rungs would not be answered either; whoever wants it undone tries again.
            troubles.append(str(error))
            break
        if not left:
            break
        try:
            rung(inverse, client, steps)
            left = remains(inverse, hands)
        except CouldNotObserve as error:
            troubles.append(str(error))
        if not left:
            break
    if left:
        raise NotUndoneError(". ".join([f"{left}. Tried: {', '.join(steps) or 'nothing'}", *dict.fromkeys(troubles)]))
    if inverse.led_to:
        hands.stop_nonsense(inverse.led_to)
    return tuple(steps)


def _mend(inverse: ProxyInverse, client: Toxiproxy, steps: list[str]) -> None:
    name = inverse.before.name
    proxy = client.proxy(name)
    if proxy is None:
        client.create(_as_before(inverse))
        steps.append(f"re-created the proxy {name}, which was gone")
        return
    if inverse.led_to and proxy.upstream == inverse.led_to:
        client.change(name, upstream=inverse.before.upstream)
        steps.append(f"let the proxy {name} lead to {inverse.before.upstream}")
    if any(toxic.name == inverse.mark for toxic in proxy.toxics):
        client.remove_toxic(name, inverse.mark)
        steps.append(f"removed the toxic {inverse.mark}")
    if not proxy.enabled:
        client.change(name, enabled=True)
        steps.append(f"enabled the proxy {name}")


def _restart(inverse: ProxyInverse, client: Toxiproxy, steps: list[str]) -> None:
    """Disable the proxy, which ends the connections that hold a toxic up, and bring it back."""
    client.change(inverse.before.name, enabled=False)
    steps.append(f"disabled the proxy {inverse.before.name}")
    _mend(inverse, client, steps)


def _recreate(inverse: ProxyInverse, client: Toxiproxy, steps: list[str]) -> None:
    """Delete the proxy with all that is on it, and make it anew."""
    client.delete(inverse.before.name)
    steps.append(f"deleted the proxy {inverse.before.name}")
    client.create(_as_before(inverse))
    steps.append(f"re-created the proxy {inverse.before.name}")


def _as_before(inverse: ProxyInverse) -> Proxy:
    before = inverse.before
    return Proxy(before.name, before.listen, before.upstream, enabled=True, toxics=())


# ------------------------------------------------------------------------------------------------------------- commands


def _command_fault(fault: Fault, lever: Lever, hands: Hands, run_id: str) -> Prepared:
    command = _of_kind(fault, lever.commands)
    for words in (command.make, command.undo, command.is_made, command.is_undone):
        program = commands.resolved(words)[0]
        if shutil.which(program) is None:
            message = f"{fault.lever}: there is no program {program!r} on this machine"
            raise NotThere(message)
    mark = new_mark(run_id)
    inverse = CommandInverse(mark=mark, environment=hands.scope.name, command=command)
    if not _ran(hands, command.is_made, inverse):
        message = f"{fault.text} is so already: `{' '.join(command.is_made)}` ended with 0; undo it first"
        raise RefusedError(message)

    def inject() -> None:
        if trouble := _ran(hands, command.make, inverse):
            raise NotMadeError(trouble)

    def prove() -> str:
        if trouble := _becomes(hands, command.is_made, inverse):
            raise NotMadeError(trouble)
        return f"`{' '.join(command.is_made)}` ended with 0"

    return Prepared(
        fault.text,
        f"{lever.says}: `{' '.join(command.make)}`",
        f"run `{' '.join(command.undo)}`",
        inverse,
        inject,
        prove,
    )


def _of_kind(fault: Fault, ways: Mapping[str, Command]) -> Command:
    if fault.kind not in ways:
        message = f"{fault.lever}: the lever has no fault {fault.kind!r} (known: {', '.join(ways)})"
        raise ContractError(message)
    return ways[fault.kind]


def _ran(hands: Hands, words: tuple[str, ...], inverse: CommandInverse) -> str:
    """Run a command; gives what went wrong, empty when it ended with 0."""
    try:
        ran = hands.run(words, mark=inverse.mark, timeout_seconds=inverse.command.timeout_seconds)
    except OSError as error:
        return f"`{' '.join(words)}` could not be started: {error.strerror}"
    return "" if ran.code == 0 else ran.sentence


def _becomes(hands: Hands, words: tuple[str, ...], inverse: CommandInverse) -> str:
    """Run a command that looks until it ends with 0; gives what it said at last when it does not in time."""

    def is_so() -> bool:
        if trouble := _ran(hands, words, inverse):
            raise NotYet(trouble)
        return True

    try:
        wait_until(
            is_so,
            timeout_seconds=inverse.command.timeout_seconds,
            what=f"`{' '.join(words)}` to end with 0",
            interval_seconds=_LOOK_SECONDS,
        )
    except GaveUp as error:
        return str(error)
    return ""


def _elsewhere(inverse: CommandInverse, hands: Hands) -> str:
    if inverse.environment == hands.scope.name:
        return ""
    return (
        f"its commands belong to the environment {inverse.environment!r}, and these settings are of "
        f"{hands.scope.name!r}; set {SETTING_OF[Component.APP].replace('BASE_URL', 'ENVIRONMENT')}"
    )


def _undo_command(inverse: CommandInverse, hands: Hands) -> tuple[str, ...]:
    if trouble := _elsewhere(inverse, hands):
        raise NotUndoneError(trouble)
    command = inverse.command
    steps = [commands.end_unfinished(inverse.mark, patience_seconds=min(_PATIENCE_SECONDS, command.timeout_seconds))]
    failed = _ran(hands, command.undo, inverse)
    steps.append(failed or f"ran `{' '.join(command.undo)}`")
    if trouble := _becomes(hands, command.is_undone, inverse):
        raise NotUndoneError(". ".join(filter(None, (failed, trouble))))
    return tuple(filter(None, steps))


def _left_of_command(inverse: CommandInverse, hands: Hands) -> str:
    if trouble := _elsewhere(inverse, hands):
        return trouble
    if running := commands.unfinished(inverse.mark):
        return f"its command still runs (process {running[0].pid})"
    return _ran(hands, inverse.command.is_undone, inverse)


# ---------------------------------------------------------------------------------------------------------------- Redis


def _redis_fault(fault: Fault, lever: Lever, hands: Hands, run_id: str) -> Prepared:
    client = hands.redis()
    if client is None:
        message = f"{fault.lever} is a setting of Redis, which is not in scope; set {SETTING_OF[Component.REDIS]}"
        raise NotThere(message)
    if fault.kind not in lever.redis:
        message = f"{fault.lever}: the lever has no fault {fault.kind!r} (known: {', '.join(lever.redis)})"
        raise ContractError(message)
    wanted = dict(lever.redis[fault.kind])
    before = {name: _setting(client, name, fault) for name in wanted}
    if all(_plain(before[name]) == _plain(value) for name, value in wanted.items()):
        message = f"{fault.text}: Redis at {client.url} is set like that already; set it back first"
        raise RefusedError(message)

    def inject() -> None:
        for name, value in wanted.items():
            client.change_setting(name, value)

    def prove() -> str:
        seen = {name: client.setting(name) or "" for name in wanted}
        wrong = [f"{name} is {value}" for name, value in seen.items() if _plain(value) != _plain(wanted[name])]
        if wrong:
            message = f"Redis at {client.url}: {', '.join(wrong)}"
            raise NotMadeError(message)
        return f"Redis at {client.url} has {_listed(seen)}"

    return Prepared(
        fault.text,
        f"settings of Redis at {client.url}: {_listed(wanted)}",
        f"set {_listed(before)}",
        RedisInverse(mark=new_mark(run_id), redis=client.url, before=before),
        inject,
        prove,
    )


def _setting(client: Redis, name: str, fault: Fault) -> str:
    """How a setting is now."""
    if not _SETTING.fullmatch(name) or name in _SETTINGS_NOT_TOUCHED:
        message = f"{fault.lever}: {name!r} is no setting of Redis that could be taken back"
        raise ContractError(message)
    found = client.setting(name)
    if found is None:
        message = f"{fault.lever}: Redis at {client.url} has no setting {name}"
        raise NotThere(message)
    return found


def _listed(settings: dict[str, str]) -> str:
    return ", ".join(f"{name} = {value or '(empty)'}" for name, value in settings.items())


def _plain(value: str) -> str:
    """A value as Redis gives it back: sizes in bytes."""
    found = re.fullmatch(r"(\d+)([a-z]{0,2})", value.strip().lower())
    if found is None or found[2] not in _UNITS:
        return value
    return str(int(found[1]) * _UNITS[found[2]])


def _left_in_redis(inverse: RedisInverse, hands: Hands) -> str:
    client = hands.redis(inverse.redis)
    assert client is not None  # it is asked for by its URL
    seen = {name: client.setting(name) for name in inverse.before}
    left = [f"{name} is {seen[name]}" for name, value in inverse.before.items() if seen[name] != value]
    return f"Redis at {client.url}: {', '.join(left)}" if left else ""


def _undo_redis(inverse: RedisInverse, hands: Hands) -> tuple[str, ...]:
    client = hands.redis(inverse.redis)
    assert client is not None  # it is asked for by its URL
    steps: list[str] = []
    troubles: list[str] = []
    # Backwards; each is tried even when one fails.
    for name, value in reversed(tuple(inverse.before.items())):
        try:
            if client.setting(name) != value:
                client.change_setting(name, value)
                steps.append(f"set {name} to {value or '(empty)'}")
        except CouldNotObserve as error:
            troubles.append(str(error))
    try:
        left = _left_in_redis(inverse, hands)
    except CouldNotObserve as error:
        left = str(error)
    if left:
        raise NotUndoneError(". ".join(dict.fromkeys([left, *troubles])))
    return tuple(steps)
