"""Silences, for the defects of routing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from lab.supervisor import LabError

if TYPE_CHECKING:
    from lab.supervisor import Lab

_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Silenced:
    """A silence in Alertmanager, until the undo; it is known by its author."""

    author: str
    comment: str
    days: float
    matchers: tuple[tuple[str, str, bool], ...]
    """Label, value, and whether the value is a regular expression."""

    def apply(self, lab: Lab) -> None:
        """Make the silence."""
        now = dt.datetime.now(dt.UTC)
        self._ask(
            lab,
            "POST",
            "silences",
            {
                "matchers": [
                    {"name": name, "value": value, "isRegex": regex, "isEqual": True}
                    for name, value, regex in self.matchers
                ],
                "startsAt": now.isoformat(),
                "endsAt": (now + dt.timedelta(days=self.days)).isoformat(),
                "createdBy": self.author,
                "comment": self.comment,
            },
        )

    def undo(self, lab: Lab) -> None:
        """End it."""
        for found in self._ask(lab, "GET", "silences"):
            if found["createdBy"] == self.author and found["status"]["state"] != "expired":
                self._ask(lab, "DELETE", f"silence/{found['id']}")

    def _ask(self, lab: Lab, method: str, path: str, body: object = None) -> Any:
        url = f"{lab.ports.url('alertmanager')}/api/v2/{path}"
        try:
            answer = httpx.request(method, url, json=body, timeout=_TIMEOUT_SECONDS, trust_env=False)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            message = f"{method} {url} failed: {type(error).__name__}: {error}"
            raise LabError(message) from error
        return answer.json() if answer.content else None
