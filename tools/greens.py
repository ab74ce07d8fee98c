"""How often in a row a load test is green on a healthy lab: `python -m tools.greens 50` (about 20 minutes).

A check that is red now and then without a reason is believed by nobody. Exit code 0 when every run was green.
"""

import argparse
import sys
import time

from selfcheck.verdict import Outcome
from tools.bench import a_lab
from tools.proving import gate


def main() -> int:
    """Run the load test so often, and print what was not green."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", nargs="?", type=int, default=50)
    parser.add_argument("--profile", default="smoke")
    options = parser.parse_args()
    green = 0
    with a_lab(print) as lab:
        for number in range(1, options.times + 1):
            started = time.monotonic()
            code, outcomes = gate(lab, "load", {"SELF_CHECK_LOAD_PROFILE": options.profile})
            green += code == 0
            red = [
                f"{id_} {outcome}"
                for id_, outcome in outcomes.items()
                if outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)
            ]
            print(
                f"[{number}/{options.times}] exit code {code}, {time.monotonic() - started:.0f} s {'; '.join(red)}",
                flush=True,
            )
    print(f"{green} of {options.times} runs with the profile {options.profile} were green")
    return 0 if green == options.times else 1


if __name__ == "__main__":
    sys.exit(main())
