"""No alert on errors is critical."""

from typing import Any

from lab.breaking import Defect, rules


def _edit(document: dict[str, Any]) -> None:
    subjects = {"errors", "budget", "slo-availability"}
    for rule in (rule for group in document["groups"] for rule in group["rules"] if "alert" in rule):
        if rule["labels"].get("subject") in subjects and rule["labels"]["severity"] == "critical":
            rule["labels"]["severity"] = "warning"


DEFECT = Defect(
    breaks="somebody is paged when half of the requests fail",
    caught_by=("rehearsal.half_fails_pages", "rehearsal.ocr_fails_pages"),
    how=rules(_edit),
    also=("alerts.*", "queries.*", "rehearsal.*"),
)
