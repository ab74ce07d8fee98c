"""Closed users of the platform for Locust's own web page: `make load-ui`, or `locust -f load/locustfile.py`.

They have the mix of the contract and answer to its tags; a profile that SELF_CHECK_LOAD_PROFILE names decides how many
there are. Target, credentials and consent are those of any load test: without consent it ends before a page is there,
nothing else than the platform is asked, and the rate stays below the environment's `load_rate_max` however many users
there are. What a user compares with is registered when a test begins, and removed when it ends.
"""

# Locust puts the folder of this file in front of the search path, where `statistics`, for one, would be ours.
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path = [str(_HERE.parent) if Path(entry).resolve() == _HERE else entry for entry in sys.path]
sys.path.append(str(_HERE.parent))

import contextlib  # noqa: E402 - see above
import logging  # noqa: E402
import math  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

from locust import events  # noqa: E402
from locust.runners import LocalRunner  # noqa: E402

from load import crews  # noqa: E402
from load.observing import planned, with_candidates  # noqa: E402
from load.preparing import prepare  # noqa: E402
from load.users import LineShape, Pace, pause_seconds, platform_user  # noqa: E402
from selfcheck import contract, preflight, settings  # noqa: E402
from selfcheck.observation import CouldNotObserve, RefusedError  # noqa: E402
from selfcheck.run import Run, open_run  # noqa: E402

if TYPE_CHECKING:
    from locust.env import Environment

_log = logging.getLogger("load")


def _opened() -> Run:
    """Open the run, and end the program where the settings are of no use or there is no consent."""
    try:
        chosen = settings.read()
        # A page is there until somebody ends it.
        run = open_run(chosen, contract.load(chosen.contract), more_seconds=math.inf)
        planned(run.target)
    except (settings.SettingsError, contract.ContractError, RefusedError, CouldNotObserve) as error:
        sys.exit(str(error))
    return run


_RUN = _opened()
_PLAN = planned(_RUN.target)
_RATE_MAX = _RUN.scope.environment.load_rate_max or 1.0  # there is one, or else there were no consent

ClosedUser = platform_user(_PLAN.operations, Pace(_RATE_MAX))
ClosedUser.host = _PLAN.base_url

if "load_profile" in _RUN.settings.model_fields_set:

    class Profile(LineShape):
        """The shape of the profile that was chosen."""

        line = _PLAN.line
        pause_seconds = pause_seconds(_PLAN.operations)


_registered = contextlib.ExitStack()


def _refuse_several_processes(environment: "Environment", **_: Any) -> None:
    """Keep the rate in one hand: several processes would each keep below the ceiling, and together above it."""
    if not isinstance(environment.runner, LocalRunner):
        sys.exit("closed users are for one process; load from several is `make load WORKERS=...`")


def _prepare(**_: Any) -> None:
    """Look whether the target is the platform, register what comparisons are made with, and prepare the requests."""
    target = _RUN.target
    ClosedUser.prepared = {}
    try:
        preflight.run(target)
        plan = _registered.enter_context(with_candidates(target, _PLAN))
    except (preflight.WrongTargetError, CouldNotObserve) as error:
        _log.error("not started: %s", error)
        return
    ClosedUser.asker = crews.asker_of(plan, _RUN)
    ClosedUser.prepared = prepare(plan, _RUN)


def _tidy(**_: Any) -> None:
    """Remove what was registered."""
    _registered.close()
    for left in _RUN.target.left_behind:
        _log.error("left behind: %s", left)


for hook, listener in (
    (events.init, _refuse_several_processes),
    (events.test_start, _prepare),
    (events.test_stop, _tidy),
):
    hook.add_listener(listener)  # type: ignore[no-untyped-call]
