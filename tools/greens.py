"""How often in a row a live check is green on a healthy lab: `python -m tools.greens load 50` (about 20 minutes).

A check that is red now and then without a reason is believed by nobody. `chaos` does the short set of experiments each
time. Exit code 0 when every run was green.
"""

import argparse
import sys
import time

from selfcheck.verdict import Outcome
from tools.bench import a_lab
from tools.proving import gate

SHORT_SET = ("provider_down_paddle", "redis_down", "replica_killed")
"""One experiment for each kind of lever: a provider, a dependency, a replica."""
WINDOW_MAX_SECONDS = {"load": 60.0, "chaos": 6.0}
"""After so long a lab's rules forget: the error budget of an experiment is back before the next one."""


def main() -> int:
    """Run the live check so often, and print what was not green."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default="load", choices=("load", "chaos"))
    parser.add_argument("times", nargs="?", type=int, default=50)
    parser.add_argument("--profile", default="smoke", help="of the load")
    options = parser.parse_args()
    if options.folder == "load":
        settings, arguments = {"SELF_CHECK_LOAD_PROFILE": options.profile}, []
    else:
        settings, arguments = {"CHAOS_CONSENT": "local"}, [f"--promise=chaos.{name}.*" for name in SHORT_SET]
    green = 0
    with a_lab(print, window_max_seconds=WINDOW_MAX_SECONDS[options.folder]) as lab:
        for number in range(1, options.times + 1):
            started = time.monotonic()
            code, outcomes = gate(lab, options.folder, settings, arguments=arguments)
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
    print(f"{green} of {options.times} runs of {options.folder} were green")
    return 0 if green == options.times else 1


if __name__ == "__main__":
    sys.exit(main())
