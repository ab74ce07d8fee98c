"""Seeded defects inside a running replica: in its answers (`answers`) or in the live platform object (`inside`).

A defect of these kinds is switched on by a line in the file `tamper/<replica>` of the lab's folder: the name of the
module that holds the `DEFECT`. The replica looks at that file before each request, so the defect is in force with the
next request and gone with the first one after its removal; there is no way in over the network. When a defect cannot
be loaded or fails, the replica answers 500 with a sentence: a proof must not be quietly green.
"""

import asyncio
import fcntl
import importlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse

from selfcheck.waiting import NotYet, wait_until

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lab.reference.service import Platform

_log = logging.getLogger(__name__)

ALL: Final = ("replica-1", "replica-2", "replica-3")
FOLDER: Final = "tamper"
_LOOK_INTERVAL_SECONDS: Final = 0.1
_CONFIRM_TIMEOUT_SECONDS: Final = 10.0


class HasDirectory(Protocol):
    """What the kinds need of a lab: its folder."""

    @property
    def directory(self) -> Path:
        """The lab's folder."""


class TamperError(Exception):
    """A replica did not take over what it was told; the text says which one and why."""


# --------------------------------------------------------------------------------------------------- the kinds


class Answer:
    """One answer of a replica, to be changed in place.

    `status`, `headers` (names without regard to case; the content length is set at the end), `body`, `text` and `json`
    can be set; `json` is parsed when it is first looked at, and what was changed inside it is written back. `path`,
    `method` and `request_headers` (names in lower case) tell what was asked. `delay_seconds` holds the answer back.
    """

    def __init__(
        self,
        *,
        status: int,
        headers: MutableHeaders,
        body: bytes,
        path: str,
        method: str,
        request_headers: dict[str, str],
    ) -> None:
        """Keep the answer as it came from the app."""
        self.status = status
        self.headers = headers
        self.path = path
        self.method = method
        self.request_headers = request_headers
        self.delay_seconds = 0.0
        self._body = body
        self._json: list[Any] = []  # the parsed body once someone asked for it

    @property
    def body(self) -> bytes:
        """The body as bytes."""
        if self._json:
            self._body = json.dumps(self._json[0], separators=(",", ":")).encode()
        return self._body

    @body.setter
    def body(self, value: bytes) -> None:
        self._json.clear()
        self._body = value

    @property
    def text(self) -> str:
        """The body as text; raises UnicodeDecodeError when it is none."""
        return self.body.decode("utf-8")

    @text.setter
    def text(self, value: str) -> None:
        self.body = value.encode("utf-8")

    @property
    def json(self) -> Any:
        """The parsed body; raises ValueError when it is not JSON."""
        if not self._json:
            self._json.append(json.loads(self._body))
        return self._json[0]

    @json.setter
    def json(self, value: Any) -> None:
        self._json[:] = [value]


@dataclass(frozen=True, slots=True)
class Answers:
    """Changes what replicas answer on some paths; see `answers`."""

    paths: tuple[str, ...]
    change: Callable[[Answer], None]
    replicas: tuple[str, ...]
    module: str

    def apply(self, lab: HasDirectory) -> None:
        """Switch the defect on; it is in force when this returns. Raises TamperError when a replica refuses."""
        _switch(lab, self.module, self.replicas, on=True)

    def undo(self, lab: HasDirectory) -> None:
        """Switch the defect off; fine when it is off already."""
        _switch(lab, self.module, self.replicas, on=False)

    def matches(self, path: str) -> bool:
        """Whether the answer on this path is to be changed."""
        return any(
            path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern for pattern in self.paths
        )


@dataclass(frozen=True, slots=True)
class Inside:
    """Changes the live platform object of replicas; see `inside`."""

    change: Callable[["Platform"], AbstractContextManager[object]]
    replicas: tuple[str, ...]
    module: str

    def apply(self, lab: HasDirectory) -> None:
        """Switch the defect on; it is in force when this returns. Raises TamperError when a replica refuses."""
        _switch(lab, self.module, self.replicas, on=True)

    def undo(self, lab: HasDirectory) -> None:
        """Switch the defect off; fine when it is off already."""
        _switch(lab, self.module, self.replicas, on=False)


def answers(*paths: str, change: Callable[[Answer], None], replicas: tuple[str, ...] = ALL) -> Answers:
    """Change the answers on the given paths: exact ones, or all that begin with one that ends in `*`.

    `/metrics` only redirects; the metrics are on `/metrics/`. To be called in the module that holds the `DEFECT`: the
    replica finds the defect by that module's name.
    """
    if not paths:
        raise ValueError("name at least one path")
    return Answers(paths, change, replicas, _callers_module())


def inside(
    *, change: Callable[["Platform"], AbstractContextManager[object]], replicas: tuple[str, ...] = ALL
) -> Inside:
    """Change the live platform object: `change` gives a context manager that changes it and puts it back.

    To be called in the module that holds the `DEFECT`: the replica finds the defect by that module's name.
    """
    return Inside(change, replicas, _callers_module())


@contextmanager
def replaced(thing: object, **attributes: object) -> Iterator[None]:
    """Set attributes of an object (settings, methods of a part of the platform) and put the old ones back.

    Raises AttributeError for one that the object does not have: a defect that changes nothing proves nothing.
    """
    own = vars(thing)
    before = {name: own[name] for name in attributes if name in own}
    for name in attributes:
        getattr(thing, name)
    own.update(attributes)
    try:
        yield
    finally:
        for name in attributes:
            own.pop(name, None)
        own.update(before)


def _callers_module() -> str:
    # The caller of `answers` or `inside`, where a function made elsewhere may do the changing.
    return str(sys._getframe(2).f_globals["__name__"])  # noqa: SLF001 - a public function in spite of its name


# ---------------------------------------------------------------------------------------- switching on and off


def active(directory: Path, replica: str) -> list[str]:
    """Give the names of the defect modules that are switched on for a replica, oldest first."""
    try:
        text = (directory / FOLDER / replica).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]


def _switch(lab: HasDirectory, module: str, replicas: tuple[str, ...], *, on: bool) -> None:
    folder = lab.directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for replica in replicas:
            wanted = [name for name in active(lab.directory, replica) if name != module]
            if on:
                wanted.append(module)
            _write(folder / replica, "".join(f"{name}\n" for name in wanted))
    for replica in replicas:
        _confirm(lab.directory, replica)


def _write(file: Path, text: str) -> None:
    if not text:
        file.unlink(missing_ok=True)
        return
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)


def _confirm(directory: Path, replica: str) -> None:
    """Wait until a replica, if it runs, works with exactly the defects that its file names now."""
    state = directory / FOLDER / f".{replica}.state"
    wanted = active(directory, replica)

    def confirmed() -> dict[str, Any]:
        try:
            said: dict[str, Any] = json.loads(state.read_text(encoding="utf-8"))
            os.kill(said["pid"], 0)
        except (FileNotFoundError, ProcessLookupError):
            return {"trouble": None}  # it does not run; should it start, it will look at its file first
        if said["active"] != wanted:
            raise NotYet(f"it works with {said['active']}")
        return said

    what = f"{replica} to work with the defects {wanted}"
    said = wait_until(confirmed, timeout_seconds=_CONFIRM_TIMEOUT_SECONDS, what=what, interval_seconds=0.02)
    if said["trouble"]:
        raise TamperError(f"{replica}: {said['trouble']}")


# ------------------------------------------------------------------------------------------ inside the replica


class Tamper:
    """ASGI middleware, outermost in a replica: looks for defects that are switched on, and applies them."""

    def __init__(self, app: "ASGIApp", platform: "Platform", directory: Path, replica: str) -> None:
        """Watch the replica's file in the lab's folder."""
        self._app = app
        self._platform = platform
        self._file = directory / FOLDER / replica
        self._state = directory / FOLDER / f".{replica}.state"
        self._replica = replica
        self._seen: tuple[int, int] | None = None
        self._active: list[str] = []
        self._answers: list[Answers] = []
        self._undo = ExitStack()
        self._trouble: str | None = None

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request, perhaps not as the app would."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        self.look()
        if self._trouble is not None:
            await PlainTextResponse(self._trouble, status_code=500)(scope, receive, send)
            return
        changes = [answers for answers in self._answers if answers.matches(scope["path"])]
        if scope["type"] != "http" or not changes:
            await self._app(scope, receive, send)
            return
        await self._changed(changes, scope, receive, send)

    def look(self) -> None:
        """Load and unload defects if the file changed since the last look."""
        try:
            found = self._file.stat()
            seen = (found.st_ino, found.st_mtime_ns)
        except FileNotFoundError:
            seen = None
        if seen == self._seen:
            return
        self._seen = seen
        wanted = active(self._file.parent.parent, self._replica)
        _log.warning("seeded defects: %s", ", ".join(wanted) or "none")
        self._unload()
        try:
            for name in wanted:
                self._load(name)
        except Exception as error:  # noqa: BLE001 - a defect may fail in any way; it is told to whoever asks
            _log.exception("a seeded defect cannot be loaded")
            self._unload()
            self._trouble = f"the seeded defect {name} cannot be loaded: {type(error).__name__}: {error}"
        self._active = wanted
        self._say_state()

    def close(self) -> None:
        """Undo what is active and end the watch."""
        self._unload()
        self._state.unlink(missing_ok=True)

    async def _live(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        self.look()
        self._say_state()
        watching = asyncio.create_task(self._watch(), name="tamper")

        async def last_words(message: "Message") -> None:
            # The server may end the process as soon as it has heard that the app has shut down.
            if message["type"].startswith("lifespan.shutdown"):
                watching.cancel()
                self.close()
            await send(message)

        await self._app(scope, receive, last_words)

    async def _watch(self) -> None:
        # Each request looks for itself. This is for whoever switches a defect: loading its module takes a moment, and
        # this way it is over before the first request.
        while True:
            await asyncio.sleep(_LOOK_INTERVAL_SECONDS)
            self.look()

    def _say_state(self) -> None:
        self._state.parent.mkdir(parents=True, exist_ok=True)
        said = {"pid": os.getpid(), "active": self._active, "trouble": self._trouble}
        _write(self._state, json.dumps(said))

    def _load(self, name: str) -> None:
        full = name if "." in name else f"lab.defects.{name}"
        importlib.invalidate_caches()
        known = sys.modules.get(full)
        # Whoever works on a defect sees the latest text of it.
        module = importlib.reload(known) if known is not None else importlib.import_module(full)
        mine = [kind for kind in _parts(module.DEFECT.how) if self._replica in kind.replicas]
        if not mine:
            raise TamperError(f"it changes nothing in {self._replica}")
        for kind in mine:
            if isinstance(kind, Inside):
                self._undo.enter_context(kind.change(self._platform))
            else:
                self._answers.append(kind)

    def _unload(self) -> None:
        self._answers = []
        self._trouble = None
        undo, self._undo = self._undo, ExitStack()
        try:
            undo.close()
        except Exception as error:  # noqa: BLE001 - as above
            _log.exception("a seeded defect cannot be undone")
            self._trouble = f"a seeded defect cannot be undone: {type(error).__name__}: {error}"

    async def _changed(self, changes: list[Answers], scope: "Scope", receive: "Receive", send: "Send") -> None:
        request_headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        # A change works on text: nothing is to be compressed below.
        plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        start: dict[str, Any] = {"status": 500, "headers": []}
        body = bytearray()

        async def keep(message: "Message") -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))

        failure: Exception | None = None
        try:
            await self._app({**scope, "headers": plain}, receive, keep)
        except Exception as error:  # noqa: BLE001 - the app has answered 500 and wants its error logged: see below
            failure = error
        answer = Answer(
            status=start["status"],
            # Some apps spell the names in upper case; they are to be found all the same.
            headers=MutableHeaders(raw=[(name.lower(), value) for name, value in start["headers"]]),
            body=bytes(body),
            path=scope["path"],
            method=scope["method"],
            request_headers=request_headers,
        )
        try:
            for defect in changes:
                defect.change(answer)
            content = answer.body
        except Exception as error:  # noqa: BLE001 - as above
            _log.exception("a seeded defect failed")
            sentence = f"a seeded defect failed on {answer.path}: {type(error).__name__}: {error}"
            await PlainTextResponse(sentence, status_code=500)(scope, receive, send)
            return
        if answer.delay_seconds > 0:
            await asyncio.sleep(answer.delay_seconds)
        if scope["method"] != "HEAD":
            answer.headers["content-length"] = str(len(content))
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers.raw})
        await send({"type": "http.response.body", "body": content})
        if failure is not None:
            raise failure


def _parts(how: object) -> Iterator[Answers | Inside]:
    """Find the kinds of this module in a defect, also among several that are done at once."""
    if isinstance(how, Answers | Inside):
        yield how
    for part in getattr(how, "kinds", ()):
        yield from _parts(part)
