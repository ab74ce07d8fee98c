"""Whose rules they are, on a Prometheus that many share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from selfcheck.owning import divided
from tests.unit.test_rehearsal import group, rule

MADE = replace(group("made", rule("ratio", "errors_total / requests_total")), file="made.yml")
OWN = replace(
    group("own", rule("High", "ratio > 1", "alerting"), rule("Redis", "redis_up == 0", "alerting")), file="o.yml"
)
NODES = replace(group("nodes", *(rule(f"Node{each}", "node_load > 9", "alerting") for each in range(5))), file="n.yml")
GENERAL = replace(group("general", rule("TargetDown", "up == 0", "alerting")), file="general.yml")
OF_APP = replace(group("app", rule("Down", 'up{job=~"app|web"} == 0', "alerting")), file="app.yml")
BUT_APP = replace(group("rest", rule("Down", 'up{job!="app"} == 0', "alerting")), file="rest.yml")


def names(*groups: object) -> list[str]:
    return [each.name for each in groups]  # type: ignore[attr-defined]


def test_files_of_others() -> None:
    """A file is the platform's by what one of its rules reads, also through what another file records."""
    found = divided([MADE, OWN, NODES, GENERAL, OF_APP, BUT_APP], {"requests_total"}, {"app"})
    assert names(*found.own) == ["made", "own", "app"]
    assert names(*found.others) == ["nodes", "general", "rest"]
    assert [len(each.rules) for each in found.rehearsed] == [1, 2, 1, 0, 0, 0]
    again = found.of([OWN, NODES])
    assert (names(*again.own), names(*again.others)) == (["own"], ["nodes"])


@pytest.mark.parametrize("groups", [[MADE, OWN, GENERAL], [NODES, GENERAL]])
def test_a_prometheus_of_its_own(groups: list[object]) -> None:
    """A few alerts on what is around the platform are its people's; where none is the platform's, all are looked at."""
    assert divided(groups, {"requests_total"}, {"app"}).own == tuple(groups)  # type: ignore[arg-type]
