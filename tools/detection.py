"""Every seeded defect against every check, by the real gate: what is missed, and what turns red without a reason.

`make detection` takes about an hour and a half; `ARGS="NAME ..."` runs some defects only, `ARGS="--part 1/2"` every
second. Exit code 0 when each defect is
seen by each check that is declared for it, nothing else turns red, and the lab is green afterwards.
"""

import argparse
import contextlib
import sys
import time
from dataclasses import dataclass

from lab.breaking import applied, catalogue
from lab.supervisor import Lab
from selfcheck.waiting import GaveUp, NotYet, wait_until
from tools.bench import a_lab
from tools.proving import (
    SEEN_TIMEOUT_SECONDS,
    SETTLE_TIMEOUT_SECONDS,
    declared,
    defects_of_the_gate,
    expected,
    gate,
)

_COMPARES_WITH_THE_PAST = "prometheus.same_samples"
_TOLERANCE_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Row:
    """What the gate said of one defect."""

    name: str
    missed: tuple[str, ...]
    unrelated: tuple[str, ...]
    exit_code: int
    seconds: float
    not_healed: str = ""

    @property
    def good(self) -> bool:
        """Whether the defect was seen, by the checks that it was made for and no other, and left nothing behind."""
        return not self.missed and not self.unrelated and not self.not_healed and self.exit_code in (1, 11)


def row(lab: Lab, name: str) -> Row:
    """Apply a defect, look until it shows, undo it, look until the gate is green again."""
    defect = catalogue()[name]
    names = declared(defect)
    started = time.monotonic()
    last: dict[str, object] = {}

    def seen() -> bool:
        code, outcomes = gate(lab)
        last.update(code=code, outcomes=outcomes)
        return all(outcomes.get(promise) == "FAIL" for promise in names)

    with applied(lab, name):
        # What was missed is in the last look.
        with contextlib.suppress(GaveUp):
            wait_until(seen, timeout_seconds=SEEN_TIMEOUT_SECONDS, what=name, interval_seconds=1.0)
        seconds = time.monotonic() - started
    outcomes: dict[str, str] = last["outcomes"]  # type: ignore[assignment] # filled by `seen`
    red = {promise for promise, outcome in outcomes.items() if outcome in ("FAIL", "INCONCLUSIVE")}
    try:
        wait_until(lambda: _green(lab), timeout_seconds=SETTLE_TIMEOUT_SECONDS, what="the gate to be green")
        if expected(defect, _COMPARES_WITH_THE_PAST):
            # What the defect made Prometheus record is compared once it is older than the clocks' tolerance.
            time.sleep(_TOLERANCE_SECONDS)
            wait_until(lambda: _green(lab), timeout_seconds=SETTLE_TIMEOUT_SECONDS, what="the gate to stay green")
        not_healed = ""
    except GaveUp as error:
        not_healed = str(error)
    return Row(
        name,
        tuple(promise for promise in names if outcomes.get(promise) != "FAIL"),
        tuple(sorted(promise for promise in red if not expected(defect, promise))),
        int(str(last["code"])),
        seconds,
        not_healed,
    )


def _green(lab: Lab) -> bool:
    code, outcomes = gate(lab)
    if code != 0:
        red = [promise for promise, outcome in outcomes.items() if outcome in ("FAIL", "INCONCLUSIVE")]
        message = f"exit code {code}: {', '.join(red)}"
        raise NotYet(message)
    return True


def main() -> int:
    """Run the matrix and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="defects (all)")
    parser.add_argument("--part", default="1/1", help="K/N: every Nth defect from the Kth on, to share the work")
    options = parser.parse_args()
    first, _, step = options.part.partition("/")
    names = (options.names or list(defects_of_the_gate()))[int(first) - 1 :: int(step)]
    rows = []
    with a_lab(print) as lab:
        wait_until(lambda: _green(lab), timeout_seconds=SETTLE_TIMEOUT_SECONDS, what="the healthy lab to be green")
        for number, name in enumerate(names, 1):
            found = row(lab, name)
            rows.append(found)
            print(
                f"[{number}/{len(names)}] {'seen  ' if not found.missed else 'MISSED'} {name} ({found.seconds:.0f} s)",
                flush=True,
            )
            for label, values in (("missed by", found.missed), ("unrelated", found.unrelated)):
                if values:
                    print(f"    {label}: {', '.join(values)}", flush=True)
            if found.not_healed:
                print(f"    left behind: {found.not_healed}", flush=True)
    seen = sum(not found.missed for found in rows)
    calm = sum(not found.unrelated for found in rows)
    print(f"{seen} of {len(rows)} defects seen by every declared check; {calm} of {len(rows)} without an unrelated red")
    return 0 if all(found.good for found in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
