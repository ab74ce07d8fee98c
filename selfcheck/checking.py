"""How a check is written: one short function for one kind of promise.

    class Status(Promise):
        '''The model: what exactly a promise of this kind says.'''

    @check("health.status", Status)
    def test_status(promise: Status, target: Target) -> Verdict:
        return judge_status(target.pages(...), promise)

The function observes through `target` and returns the verdict of a pure judge. It is called once for each promise of
its kind in the contract. What it cannot observe it need not catch: CouldNotObserve becomes INCONCLUSIVE.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from selfcheck.contract import Promise, Right, kind
from selfcheck.verdict import Verdict

F = TypeVar("F", bound=Callable[..., Any])

KIND_ATTRIBUTE = "selfcheck_kind"

_CHECKS: dict[str, Callable[..., Verdict]] = {}
_LAST: set[str] = set()


def checks() -> Mapping[str, Callable[..., Verdict]]:
    """Give the function of every check by the kind of promise that it looks at."""
    return dict(_CHECKS)


def turn(name: str, promise: Promise) -> int:
    """Say when in a run a promise of a kind is looked at: what may disturb others late, what sums up at the end.

    What has to wait comes just before the end, when most of its time has passed.
    """
    if name in _LAST:
        return 3
    if promise.waits:
        return 2
    return 1 if promise.right is Right.INTRUSIVE else 0


def check(name: str, model: type[Promise], *, last: bool = False) -> Callable[[F], F]:
    """Bind a function to the promises `[[table]]` of `contract/<area>.toml`, where `name` is `<area>.<table>`.

    `last` is for checks that judge what all others have seen.
    """
    kind(name, model)
    if last:
        _LAST.add(name)

    def bind(function: F) -> F:
        setattr(function, KIND_ATTRIBUTE, (name, model))
        _CHECKS[name] = function
        return function

    return bind
