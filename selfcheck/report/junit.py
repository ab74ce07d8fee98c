"""JUnit XML of a run, from the plain data of `verdict.json`.

Written here and not by pytest, because it has to be there when nothing could be collected, and because INCONCLUSIVE in
strict mode is a failure that says so.
"""

import re
from typing import Any
from xml.etree import ElementTree as ET  # only used to write

# Characters that XML 1.0 cannot hold, whatever the escape.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(data: dict[str, Any]) -> str:
    """Give the document as text."""
    suite = ET.Element("testsuite", name="self-check", timestamp=data["started_at"], time=f"{data['seconds']:.3f}")
    properties = ET.SubElement(suite, "properties")
    for name in ("run_id", "environment", "base_url", "strict", "outcome", "exit_code"):
        ET.SubElement(properties, "property", name=name, value=_clean(str(data[name])))
    failures = skipped = 0
    cases = list(data["results"])
    if data["refusal"]:
        cases.append(_refusal(data))
    for item in cases:
        area = item["id"].partition(".")[0]
        case = ET.SubElement(
            suite, "testcase", classname=f"checks.{area}", name=item["id"], time=f"{item['seconds']:.3f}"
        )
        unclear = item["outcome"] == "INCONCLUSIVE" and data["strict"] and not item["blocked_by"]
        failed = item["outcome"] == "FAIL" or unclear
        if failed and not item["waived"]:
            failures += 1
            node = ET.SubElement(case, "failure", message=_clean(f"{item['outcome']}: {item['observed']}"))
            node.text = _clean(_details(item))
        elif item["outcome"] != "PASS":
            skipped += 1
            reason = item["waived"] or item["blocked_by"] or item["observed"]
            ET.SubElement(case, "skipped", message=_clean(f"{item['outcome']}: {reason}"))
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(failures))
    suite.set("errors", "0")
    suite.set("skipped", str(skipped))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _refusal(data: dict[str, Any]) -> dict[str, Any]:
    """Make a test case of a run that was refused, which has no results."""
    empty = dict.fromkeys(("reproduce", "runbook", "blocked_by", "remedy", "waived"), "")
    return empty | {
        "id": "preflight.refused",
        "outcome": "FAIL",
        "seconds": 0.0,
        "says": "the target is the platform",
        "expected": "the platform",
        "observed": data["refusal"],
        "where": data["base_url"],
        "notes": [],
    }


def _details(item: dict[str, Any]) -> str:
    lines = [
        f"{label}: {item[key]}"
        for label, key in (
            ("promise", "says"),
            ("expected", "expected"),
            ("observed", "observed"),
            ("asked", "where"),
            ("reproduce", "reproduce"),
            ("blocked by", "blocked_by"),
            ("what to do", "remedy"),
            ("runbook", "runbook"),
        )
        if item[key]
    ]
    return "\n".join([*lines, *(f"note: {note}" for note in item["notes"])])


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
