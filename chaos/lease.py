"""One run at a time in a cluster: a Lease that is taken, renewed, and given back.

The lock of the ledger keeps apart the runs of one machine; two people with a machine each meet here. As with other
holders of Leases, no clock but the own one is trusted: a Lease is taken from somebody else only after it was seen
without a renewal for as long as it lasts.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from chaos import plan
from chaos.ledger import HeldError
from selfcheck.components import own_kubernetes
from selfcheck.contract import Component
from selfcheck.observation import CouldNotObserve
from selfcheck.waiting import Deadline, pause

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selfcheck.clients.kubernetes import Kubernetes, Lease
    from selfcheck.target import Target

LEASE: Final = "chaos lease"
"""What the target keeps a held Lease under."""
SECONDS: Final = 15
"""How long a Lease lasts after its last renewal: so long the next run waits where this one was killed."""
_RENEW_SECONDS: Final = SECONDS / 5
_LOOK_SECONDS: Final = 1.0
_END_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the Lease is, and who wants it."""

    client: Kubernetes
    namespace: str
    name: str
    holder: str

    def look(self) -> Lease | None:
        """Give the Lease as it is; None where there is none."""
        return self.client.lease(self.namespace, self.name)

    def hold(self, before: Lease | None, holder: str | None = None) -> Lease | None:
        """Take it, renew it, or (with an empty holder) give it back; None when somebody was faster."""
        wanted = self.holder if holder is None else holder
        return self.client.hold_lease(self.namespace, self.name, wanted, SECONDS, before=before)


class Held:
    """A Lease that is held, and renewed by a thread of its own. `lost` says why it is not any more."""

    def __init__(self, place: Place, lease: Lease) -> None:
        self.lost = ""
        self._place = place
        self._lease = lease
        self._renewed = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="chaos: lease", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Renew it no more, and give it back where it is still ours; it ends by itself where that fails."""
        self._ended.set()
        self._thread.join(_END_SECONDS)
        if not self.lost:
            with suppress(CouldNotObserve):
                self._place.hold(self._lease, "")

    def _work(self) -> None:
        while not self.lost and not self._ended.wait(_RENEW_SECONDS):
            trouble = self._renew()
            if trouble and time.monotonic() - self._renewed > SECONDS - _RENEW_SECONDS:
                self.lost = f"the Lease {self._place.namespace}/{self._place.name} could not be renewed: {trouble}"

    def _renew(self) -> str:
        """Renew it; says what kept it from that, and sets `lost` where it is somebody else's."""
        try:
            renewed = self._place.hold(self._lease)
            if renewed is None:
                # Somebody has written to it: to take it, or only to put a label on it.
                there = self._place.look()
                if there is None or there.holder != self._place.holder:
                    who = there.holder if there is not None and there.holder else "nobody"
                    self.lost = f"the Lease {self._place.namespace}/{self._place.name} is now held by {who}"
                    return ""
                self._lease = there
                renewed = self._place.hold(there)
        except CouldNotObserve as error:
            return error.sentence
        if renewed is None:
            return "it was written to by somebody else"
        self._lease, self._renewed = renewed, time.monotonic()
        return ""


@contextmanager
def held(place: Place) -> Iterator[Held]:
    """Hold a Lease as long as the `with` block lasts; raises HeldError, which says who has it, and CouldNotObserve."""
    lock = Held(place, _taken(place))
    try:
        yield lock
    finally:
        lock.end()


def _taken(place: Place) -> Lease:
    before = place.look()
    deadline = Deadline(before.seconds or SECONDS) if before is not None and before.holder else None
    while deadline is not None and before is not None and before.holder and not deadline.expired:
        pause(min(_LOOK_SECONDS, deadline.left_seconds))
        seen = place.look()
        if seen is not None and seen.holder and seen.renewed != before.renewed:
            raise _held_by(place, seen)
        before = seen
    taken = place.hold(before)
    if taken is None:
        raise _held_by(place, place.look())
    return taken


def _held_by(place: Place, lease: Lease | None) -> HeldError:
    who = lease.holder if lease is not None and lease.holder else "somebody who was faster"
    since = f" since {lease.acquired}" if lease is not None and lease.acquired else ""
    return HeldError(f"another run holds the Lease {place.namespace}/{place.name}: {who}{since}")


def place_of(target: Target) -> Place | None:
    """Give the Lease that runs on this target take; None where no cluster is in scope, or the contract names none."""
    wanted = plan.stops(target.contract).lease
    if not wanted or not target.scope.covers(Component.KUBERNETES):
        return None
    namespace, _, name = wanted.partition("/")
    return Place(own_kubernetes(target), namespace, name, target.platform.run_id)


def lost(target: Target) -> str:
    """Say why this run does not hold its Lease any more; empty while it does, and where there is none."""
    try:
        return target.once(LEASE, _none).lost
    except LookupError:
        return ""


def _none() -> Held:
    raise LookupError
