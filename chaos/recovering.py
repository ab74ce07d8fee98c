"""Takes back what the ledger holds: before a run, for what a power cut or a killed reaper has left, and by hand."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from chaos import faults
from chaos.hands import Hands
from chaos.ledger import HeldError, Ledger, LedgerError, LedgerRecord, alone
from selfcheck import contract as contracts
from selfcheck import settings as all_settings
from selfcheck.contract import ContractError
from selfcheck.observation import CouldNotObserve
from selfcheck.run import EXIT_NOT_UNDONE, EXIT_PASS, EXIT_REFUSED
from selfcheck.settings import SettingsError
from selfcheck.waiting import pause

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

HELP = "take back what an earlier run has left: all that the ledger holds"

_TRIES: Final = 3
_PAUSE_SECONDS: Final = 1.0
_REAPER_SECONDS: Final = 30.0
"""How long the reaper of a run that was killed is waited for."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of the records of a ledger: sentences."""

    undone: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it, a line each."""
        lines = [*self.undone, *(f"NOT UNDONE {each}" for each in self.remaining)]
        return "\n".join(lines) or "the ledger is empty: there is nothing to take back"


def recover(folder: Path, hands: Hands) -> Recovery:
    """Undo every record of a ledger, the latest first, each tried even when another fails.

    Whoever calls it holds the lock (`ledger.alone`). Nothing is raised for what cannot be undone: it is among
    `remaining`, with what to do by hand.
    """
    ledger = Ledger(folder)
    undone: list[str] = []
    try:
        records, broken = ledger.records()
    except LedgerError as error:
        return Recovery(remaining=(str(error),))
    troubles: dict[str, str] = {}
    open_ = list(records)
    for attempt in range(_TRIES):
        if not open_:
            break
        if attempt:
            pause(_PAUSE_SECONDS)
        for record in tuple(open_):
            try:
                steps = faults.undo(record.inverse, hands)
                ledger.strike(record)
            except (faults.NotUndoneError, CouldNotObserve, LedgerError) as error:
                troubles[record.id] = str(error)
            else:
                open_.remove(record)
                undone.append(f"undone: {told(record)}: {', '.join(steps) or 'nothing was left of it'}")
    return Recovery(
        undone=tuple(undone),
        remaining=(
            *(advice(ledger, record, troubles[record.id]) for record in open_),
            *(each.sentence for each in broken),
        ),
    )


def told(record: LedgerRecord) -> str:
    """A record in a few words."""
    return f"{record.fault} ({record.experiment}, run {record.run_id}), {record.target}"


def advice(ledger: Ledger, record: LedgerRecord, trouble: str) -> str:
    """What remains of a record that could not be undone, why, and what to do by hand."""
    path = ledger.folder / record.file_stem
    return (
        f"{told(record)}: {trouble}. By hand: {record.inverse.by_hand}; then run this again. If that target is gone "
        f"for good, remove {path}.*"
    )


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    commands.add_parser("recover", help=HELP, description=__doc__).set_defaults(run=main)


def main(_: argparse.Namespace) -> int:
    """Take back all that the ledger holds; 0 when nothing is left, 12 when something is, 11 while a run goes on."""
    try:
        settings = all_settings.read()
        folder = settings.chaos_ledger
        if not folder.exists():
            print(Recovery().text)
            return EXIT_PASS
        with (
            alone(folder, who="make chaos-recover", patience_seconds=_REAPER_SECONDS),
            Hands.from_settings(settings, contracts.load(settings.contract)) as hands,
        ):
            found = recover(folder, hands)
            print(hands.secrets.mask(found.text))
    except HeldError as error:
        print(f"refused: {error}; it takes back what it has changed by itself", file=sys.stderr)
        return EXIT_REFUSED
    except (SettingsError, ContractError, LedgerError) as error:
        print(f"nothing could be taken back: {error}", file=sys.stderr)
        return EXIT_NOT_UNDONE
    return EXIT_NOT_UNDONE if found.remaining else EXIT_PASS
