"""The error ratio is what is not a success, also when nobody asks for anything."""

from typing import Any

from lab.breaking import Defect, rule_named, rules


def _edit(document: dict[str, Any]) -> None:
    rule_named(document, "platform_error_ratio")["expr"] = (
        "1 - (platform:requests:rate5m - platform:errors:rate5m) / clamp_min(platform:requests:rate5m, 0.0001)"
    )


DEFECT = Defect(
    breaks="without traffic there are no errors",
    caught_by=(
        "rehearsal.traffic_stops_signals",
        "rehearsal.target_silent_signals",
        "rehearsal.target_vanished_signals",
        "rehearsal.fresh_process_signals",
        "rehearsal.traffic_stops_does_not_page",
    ),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*", "prometheus.*", "slo.*"),
)
