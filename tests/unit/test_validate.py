"""What is said of rule files and of Alertmanager's configuration without a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from selfcheck import contract
from tools import validate

if TYPE_CHECKING:
    from pathlib import Path

RULE = """
      - alert: {name}
        expr: {expr}
        labels: {labels}
        annotations: {{summary: Something is wrong., runbook_url: {runbook}}}
"""
FINE = {"name": "High", "expr": "rate(ocr_errors_total[5m]) > 0.1", "labels": "{severity: warning, team: cad}"}
FINE |= {"runbook": "docs/runbooks/high_error_rate.md"}
ROUTES = """
route: {receiver: chat, group_by: [alertname], routes: [{match: {severity: critical}, receiver: pager}]}
receivers:
  - {name: chat, slack_configs: [{api_url: "http://chat.example.com/x"}]}
  - {name: pager, pagerduty_configs: [{routing_key: abc}]}
"""


def said(folder: Path, *rules: dict[str, str], alertmanager: str = "") -> dict[str, list[str]]:
    """Give what is found wrong, by what says so."""
    text = "groups:\n  - name: g\n    rules:" + "".join(RULE.format(**{**FINE, **each}) for each in rules)
    (folder / "rules.yml").write_text(text, encoding="utf-8")
    if alertmanager:
        (folder / "alertmanager.yml").write_text(alertmanager, encoding="utf-8")
    lines: list[str] = []
    files = validate.sorted_out([folder])
    validate.validate_rules(files, contract.load(), "cad-ml-platform", None, validate.Report(lines.append))
    found: dict[str, list[str]] = {}
    for number, line in enumerate(lines):
        if line.startswith("FAIL"):
            what, _, sentence = line.removeprefix("FAIL").strip().partition(": ")
            more = [each.strip() for each in lines[number + 1 : number + 3] if each.startswith(" ")]
            found.setdefault(what, []).append(" ".join([sentence, *more]))
    return found


def test_a_rule_by_the_contract_is_fine(tmp_path: Path) -> None:
    assert said(tmp_path, {}, alertmanager=ROUTES) == {}


@pytest.mark.parametrize(
    ("expr", "wrong"),
    [
        ("rate(ocr_error_total[5m]) > 1", "there is no metric ocr_error_total; nearest: ocr_errors_total"),
        ("rate(ocr_errors_total{provdier='x'}[5m]) > 1", "ocr_errors_total has no label provdier; nearest: provider"),
        ("rate(ocr_errors_total{code='provider_down'}[5m]) > 1", 'ocr_errors_total has no code="provider_down"'),
        ("rate(ocr_errors_total{code=~'PROVIDER_DOWN|NONE'}[5m]) > 1", ""),
        ("rate(ocr_errors_total{namespace='prod'}[5m]) > 1", ""),
        ("rate(somebody_elses_total[5m]) > 1", ""),
        ("up{job='cad-ml-platform'} == 0", ""),
    ],
)
def test_what_a_rule_selects(expr: str, wrong: str, tmp_path: Path) -> None:
    found = said(tmp_path, {"expr": expr}).get("selectors", [])
    assert (wrong in found[0]) if wrong else not found


@pytest.mark.parametrize(
    ("rules", "what"),
    [
        (({"labels": "{severity: urgent, team: cad}"},), "alerts.severities"),
        (({"runbook": "docs/runbooks/no_such_page.md"},), "alerts.runbooks"),
        (({}, {}), "alerts.unique"),
    ],
)
def test_what_an_alert_lacks(rules: tuple[dict[str, str], ...], what: str, tmp_path: Path) -> None:
    assert set(said(tmp_path, *rules)) == {what}


def test_an_owner_may_be_added_by_prometheus(tmp_path: Path) -> None:
    assert said(tmp_path, {"labels": "{severity: warning}"}) == {}
    (tmp_path / "prometheus.yml").write_text("scrape_configs: []", encoding="utf-8")
    assert set(said(tmp_path, {"labels": "{severity: warning}"})) == {"alerts.owners"}


def test_routes_against_the_alerts_of_the_files(tmp_path: Path) -> None:
    critical = {"labels": "{severity: critical, team: cad}"}
    found = said(tmp_path, critical, alertmanager=ROUTES.replace("receiver: pager}", "receiver: chat}"))
    assert set(found) == {"routing.critical_pages"}
