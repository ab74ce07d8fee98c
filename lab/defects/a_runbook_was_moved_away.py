"""An alert leads to a page of a server that is not there any more; a file of its name is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.breaking import Defect, rule_named, rules

if TYPE_CHECKING:
    from lab.supervisor import Lab


class _Moved:
    """Lets an alert lead to a server of the lab that has no such page."""

    def apply(self, lab: Lab) -> None:
        """Load the alert with the link."""

        def edit(document: dict[str, Any]) -> None:
            page = f"http://127.0.0.1:{lab.ports.prometheus}/runbooks/redis_down.md"
            rule_named(document, "RedisDown")["annotations"]["runbook_url"] = page

        rules(edit).apply(lab)

    def undo(self, lab: Lab) -> None:
        """Load the alert as it was."""
        rules(lambda document: document).undo(lab)


DEFECT = Defect(
    breaks="what an alert leads to is there, not only a file of that name",
    caught_by=("alerts.runbooks",),
    how=_Moved(),
)
