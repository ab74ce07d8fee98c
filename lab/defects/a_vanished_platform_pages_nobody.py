"""The alert on a platform that is down adds up targets, and sees nothing when there are none."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "PlatformDown")["expr"] = 'sum(up{job="cad-ml-platform"}) == 0'


DEFECT = Defect(
    breaks="somebody is paged when every replica has vanished",
    caught_by=("rehearsal.target_vanished_pages",),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
