"""A runner that makes faults and takes them back, again and again, until it is killed: see `tools.kills`.

`python -m tools.dying_runner FOLDER PROXY...`, with the settings in the environment. It prints a line when it begins,
and at each step of each fault. Besides the proxies it has a command as a lever: a file in FOLDER that is there.
"""

import random
import sys
from pathlib import Path

from chaos import faults
from chaos.hands import Hands
from chaos.keeper import Keeper
from chaos.ledger import alone
from chaos.plan import Command, Fault, Lever
from chaos.recovering import recover
from selfcheck import contract as contracts
from selfcheck import settings as all_settings
from selfcheck.waiting import pause

DEADLINE_SECONDS = 30.0
FAULTS = (
    Fault(lever="proxy", kind="latency", milliseconds=100, share=0.5),
    Fault(lever="proxy", kind="black_hole"),
    Fault(lever="proxy", kind="reset", milliseconds=20),
    Fault(lever="proxy", kind="half_closed", bytes=10),
    Fault(lever="proxy", kind="bandwidth", kilobytes_per_second=5),
    Fault(lever="proxy", kind="down"),
    Fault(lever="proxy", kind="garbage"),
)
MADE = "made-by-a-command"


def file_lever(folder: Path) -> Lever:
    """A lever of commands: a file that is there or not. Its making takes a moment, and may be met half done."""
    path = repr(str(folder / MADE))

    def python(code: str) -> tuple[str, ...]:
        return ("{python}", "-c", f"import pathlib, sys, threading; p = pathlib.Path({path}); {code}")

    command = Command(
        make=python("threading.Event().wait(0.2); p.touch(); threading.Event().wait(0.2)"),
        undo=python("p.unlink(missing_ok=True)"),
        is_made=python("sys.exit(not p.exists())"),
        is_undone=python("sys.exit(p.exists())"),
        timeout_seconds=10,
    )
    return Lever(name="file", says="a file that should not be there", commands={"there": command})


def main(folder: Path, proxies: list[str]) -> None:
    """Make and undo faults, one or two at a time, for a minute at most."""
    settings = all_settings.read()
    hands = Hands.from_settings(settings, contracts.load(settings.contract))
    ledger = settings.chaos_ledger
    run_id = f"kills-{random.randrange(10**9)}"
    with alone(ledger), hands, Keeper(ledger, hands, run_id=run_id) as keeper:
        left = recover(ledger, hands).remaining
        assert not left, left
        print("going", flush=True)
        for _ in range(200):
            records = []
            for name in random.sample([*proxies, "file"], random.choice((1, 1, 2))):
                if name == "file":
                    fault, lever = Fault(lever="file", kind="there"), file_lever(folder)
                else:
                    fault = random.choice(FAULTS)
                    lever = Lever(name="proxy", says="a proxy of the stage", proxy=name)
                prepared = faults.prepare(fault, lever, hands, run_id)
                records.append(keeper.note(prepared, "kills", DEADLINE_SECONDS))
                print("noted", flush=True)
                prepared.inject()
                print(prepared.prove(), flush=True)
            pause(random.uniform(0, 0.2))
            assert all(map(keeper.still_ours, records))
            for record in reversed(records):
                print("undone", *keeper.undo(record), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
