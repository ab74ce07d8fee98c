"""The alert on the platform being down waits for nothing."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "PlatformDown")["for"] = "0s"


DEFECT = Defect(
    breaks="one lost scrape pages nobody",
    caught_by=("rehearsal.one_scrape_lost_does_not_page",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
