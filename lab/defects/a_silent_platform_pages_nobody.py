"""The alert on a platform that is down counts to zero, and a count never gets there."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "PlatformDown")["expr"] = 'count(up{job="cad-ml-platform"} == 1) == 0'


DEFECT = Defect(
    breaks="somebody is paged when no replica answers",
    caught_by=("rehearsal.target_silent_pages", "rehearsal.target_vanished_pages"),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
