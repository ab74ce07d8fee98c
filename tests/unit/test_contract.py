"""The contract of the manual's platform is sound, and every mistake in a contract is named: file, key, remedy."""

from __future__ import annotations

import re
import shutil
import tomllib
from typing import TYPE_CHECKING

import pytest

from chaos import plan, references
from selfcheck import contract
from selfcheck.contract import DEFAULT_CONTRACT, Contract, ContractError, Promise
from selfcheck.plugin import import_checks

if TYPE_CHECKING:
    from pathlib import Path

import_checks()
ROOT = DEFAULT_CONTRACT.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the default contract, to be spoiled."""
    copy = tmp_path / "contract"
    shutil.copytree(DEFAULT_CONTRACT, copy, ignore=shutil.ignore_patterns("schema"))
    return copy


def load(folder: Path) -> Contract:
    loaded = contract.load(folder)
    loaded.validate()
    return loaded


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    """Replace the first occurrence of a text, which must be there."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def complaint(folder: Path) -> str:
    with pytest.raises(ContractError) as caught:
        load(folder)
    return str(caught.value)


DEFAULT = load(DEFAULT_CONTRACT)
PROMISES = [promise for _, promise in DEFAULT.all_promises()]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.id)
def test_every_promise_says_what_it_is_about(promise: Promise) -> None:
    assert not promise.says.endswith(".")
    assert promise.owner
    assert promise.severity in contract.Severity
    assert re.fullmatch(r"docs/runbooks/[a-z_]+\.md", promise.runbook)


def test_every_runbook_exists() -> None:
    missing = {promise.runbook for promise in PROMISES if not (ROOT / promise.runbook).is_file()}
    assert missing == set()


def test_ids_are_unique_and_tell_their_area() -> None:
    assert len({promise.id for promise in PROMISES}) == len(PROMISES)
    for kind, promise in DEFAULT.all_promises():
        assert promise.id.partition(".")[0] == kind.partition(".")[0]


def test_every_table_is_read() -> None:
    read = {kind for kind, _ in DEFAULT.all_promises()} | {"api.route", "api.act", *contract.parts()}
    for path in DEFAULT_CONTRACT.glob("*.toml"):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        arrays = [key for key, value in document.items() if isinstance(value, list)]
        assert {f"{path.stem}.{key}" for key in arrays} <= read


def test_production_allows_nothing_that_changes_it() -> None:
    assert set(DEFAULT.platform.environments["production"].allow) == {"read", "synthetic"}


def test_environments_that_do_not_say_otherwise_are_only_looked_at() -> None:
    allowed = contract.Environment(base_url="http://x").allow
    assert set(allowed) == {"read", "synthetic"}


@pytest.mark.parametrize(
    ("file", "old", "new", "parts"),
    [
        pytest.param(
            "health.toml",
            'page = "health"',
            'pgae = "health"',
            ["health.toml: [[answers]] health.answers", "unknown key 'pgae'", "did you mean 'page'?", "known: "],
            id="unknown key",
        ),
        pytest.param(
            "health.toml",
            "unless = { path =",
            "unless = { pth =",
            [
                "[[field]] health.service_redis",
                "unknown key 'unless.pth'",
                "did you mean 'path'?",
                "(known: equals, path)",
            ],
            id="unknown key in an inner table",
        ),
        pytest.param(
            "metrics.toml",
            '{ sample = "ocr_requests_total", labels',
            '{ sampel = "ocr_requests_total", labels',
            ["[[counting]] metrics.counts_ocr_success", "'moves.0.sampel'", "did you mean 'sample'?"],
            id="unknown key in a list of tables",
        ),
        pytest.param(
            "platform.toml",
            "replicas = 3",
            "replica = 3",
            ["platform.toml:", "unknown key 'environments.local.replica'", "did you mean 'replicas'?"],
            id="unknown key in an environment",
        ),
        pytest.param(
            "health.toml",
            "[[answers]]",
            "[[answer]]",
            ["health.toml", "unknown table 'answer'", "did you mean 'answers'?", "known: agreement, answers"],
            id="unknown table",
        ),
        pytest.param(
            "health.toml",
            'equals = "up"',
            'equals = ["up"]',
            ["health.toml: [[field]] health.service_api equals", "got ['up']"],
            id="wrong type",
        ),
        pytest.param(
            "platform.toml",
            "requests_max = ",
            'requests_max = "many" # ',
            ["platform.toml: limits.requests_max", "integer", "got 'many'"],
            id="wrong type of a limit",
        ),
        pytest.param(
            "health.toml",
            'severity = "critical"',
            'severity = "urgent"',
            ["health.toml: [[", " severity: input should be 'critical', 'warning' or 'info', got 'urgent'"],
            id="unknown severity",
        ),
        pytest.param(
            "health.toml",
            'owner = "platform-team"\n',
            "",
            ["health.toml: [[", " needs the key 'owner'"],
            id="missing key",
        ),
        pytest.param(
            "health.toml",
            'id = "health.answers_v1"',
            'id = "health.answers"',
            ["health.toml", "'health.answers' is used twice", "[[answers]]"],
            id="an id used twice",
        ),
        pytest.param(
            "health.toml",
            'id = "health.status"',
            'id = "health.answers"',
            ["'health.answers' is used twice", "in [[answers]] and in [[field]]"],
            id="an id used twice in different tables",
        ),
        pytest.param(
            "health.toml",
            'id = "health.answers"',
            'id = "metrics.answers"',
            ["health.toml: [[answers]] has id 'metrics.answers'", "start with 'health.'"],
            id="an id of another area",
        ),
        pytest.param(
            "platform.toml",
            'id = "platform.redis"',
            'id = "redis.ping"',
            ["platform.toml: [[component]] has id 'redis.ping'", "start with 'platform.'"],
            id="a component's id of another area",
        ),
        pytest.param(
            "health.toml",
            'id = "health.answers"',
            'id = "Health answers"',
            ["[[answers]] Health answers id", "got 'Health answers'"],
            id="an id that is none",
        ),
        pytest.param(
            "health.toml",
            'page = "health"',
            'page = "helth"',
            [
                "[[answers]] health.answers page: there is no route 'helth'",
                "did you mean 'health'?",
                "known: classifier_cache",
            ],
            id="unknown route",
        ),
        pytest.param(
            "health.toml",
            'pages = ["health", ',
            'pages = ["healht", ',
            ["[[secrets]] health.no_secrets pages.0: there is no route 'healht'", "did you mean 'health'?"],
            id="unknown route in a list",
        ),
        pytest.param(
            "metrics.toml",
            'act = "ocr_of_a_drawing"',
            'act = "ocr_of_the_drawing"',
            ["[[counting]] metrics.counts_ocr_success act: there is no act", "did you mean 'ocr_of_a_drawing'?"],
            id="unknown act",
        ),
        pytest.param(
            "api.toml",
            'route = "ocr_extract"\nfile',
            'route = "ocr_extrakt"\nfile',
            ["api.toml: [[act]] ocr_of_a_drawing route: there is no route", "did you mean 'ocr_extract'?"],
            id="unknown route of an act",
        ),
        pytest.param(
            "api.toml",
            'file = "drawing"',
            'file = "drawnig"',
            ["[[act]] ocr_of_a_drawing file: there is no payload 'drawnig'", "did you mean 'drawing'?"],
            id="unknown payload",
        ),
        pytest.param(
            "api.toml",
            'name = "health_v1"',
            'name = "health"',
            ["api.toml", "'health' is used twice"],
            id="a route used twice",
        ),
        pytest.param(
            "platform.toml",
            'metrics_route = "metrics"',
            'metrics_route = "metric"',
            ["platform.toml: identity.metrics_route: there is no route 'metric'", "did you mean 'metrics'?"],
            id="unknown route of the identity",
        ),
        pytest.param(
            "platform.toml",
            'prometheus_url = "http://localhost:9090"',
            'prometheus_url = "localhost:9090"',
            ["platform.toml: environments.local.prometheus_url is not an http(s) URL: 'localhost:9090'"],
            id="no URL",
        ),
        pytest.param(
            "platform.toml",
            'prometheus_url = "http://localhost:9090"',
            'replica_urls = ["http://[::1:8000"]',
            ["platform.toml: environments.local.replica_urls is not an http(s) URL"],
            id="half a URL",
        ),
        pytest.param(
            "slo.toml",
            "breach = { above = 0.05 }",
            "breach = { above = 0.05, below = 0.01 }",
            ["[[objective]] slo.error_ratio breach: give either `above` or `below`"],
            id="a bound on both sides",
        ),
        pytest.param(
            "metrics.toml",
            "moves = [",
            "moves = [ {},",
            ["[[counting]] metrics.counts_ocr_success moves.0: give either `sample` or `samples`"],
            id="a move of nothing",
        ),
        pytest.param(
            "health.toml",
            'owner = "platform-team"',
            "owner = platform-team",
            ["health.toml: is not TOML:", "line 5"],
            id="no TOML",
        ),
        pytest.param(
            "prometheus.toml",
            "[defaults.signal.traffic]",
            "[defaults.signl.traffic]",
            ["prometheus.toml: [[", "unknown key 'signl'"],
            id="defaults of an unknown table",
        ),
    ],
)
def test_a_mistake_is_named(folder: Path, file: str, old: str, new: str, parts: list[str]) -> None:
    spoil(folder, file, old, new)
    said = complaint(folder)
    assert [part for part in parts if part not in said] == [], said


def test_an_array_of_tables_must_be_one(folder: Path) -> None:
    (folder / "slo.toml").write_text('[objective]\nid = "slo.x"\n', encoding="utf-8")
    assert complaint(folder) == f"{folder / 'slo.toml'}: `objective` must be an array of tables: write [[objective]]"


def test_defaults_must_be_a_table(folder: Path) -> None:
    (folder / "slo.toml").write_text("defaults = 3\nobjective = []\n", encoding="utf-8")
    assert complaint(folder) == f"{folder / 'slo.toml'}: `defaults` must be a table: write [defaults]"
    (folder / "slo.toml").write_text("objective = []\n[defaults]\nobjective = 3\n", encoding="utf-8")
    said = complaint(folder)
    assert said == f"{folder / 'slo.toml'}: `defaults.objective` must be a table: write [defaults.objective]"


def test_a_file_that_nothing_reads_is_named(folder: Path) -> None:
    (folder / "helth.toml").write_text("", encoding="utf-8")
    assert "unknown file 'helth.toml'; did you mean 'health.toml'?" in complaint(folder)


@pytest.mark.parametrize("needed", ["platform", "api"])
def test_a_missing_file_is_named(folder: Path, needed: str) -> None:
    (folder / f"{needed}.toml").unlink()
    assert f"a contract needs {needed}.toml; found " in complaint(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert complaint(tmp_path / "none").startswith(f"{tmp_path / 'none'}: there is no such contract folder")
    assert complaint(tmp_path).endswith("found no TOML file")


def test_a_file_that_is_not_text_is_named(folder: Path) -> None:
    (folder / "slo.toml").write_bytes(b"\xff\xfe")
    assert complaint(folder).startswith(f"{folder / 'slo.toml'}: cannot be read: ")


def test_several_mistakes_of_one_promise_are_told_at_once(folder: Path) -> None:
    spoil(folder, "health.toml", 'page = "health"\n', 'page = "nowhere"\nseverity = "no"\n')
    said = complaint(folder).splitlines()
    assert len(said) == 2


def test_an_area_may_be_left_out(folder: Path) -> None:
    (folder / "slo.toml").unlink()
    assert not any(promise.id.startswith("slo.") for _, promise in load(folder).all_promises())


def test_a_line_may_say_otherwise_than_the_defaults() -> None:
    severities = {promise.id: promise.severity for promise in PROMISES}
    assert severities["health.answers"] == "critical"
    assert severities["health.answers_v1"] == "warning"


def test_two_models_for_one_kind_are_a_mistake() -> None:
    class Another(Promise):
        """A second model."""

    with pytest.raises(ContractError, match=r"two models for the promises health\.field"):
        contract.kind("health.field", Another)


@pytest.mark.parametrize(
    ("pattern", "promise_id", "expected"),
    [
        ("health.status", "health.status", True),
        ("health.status", "health.status_2", False),
        ("health.*", "health.status", True),
        ("health.*", "healthy.status", False),
        ("health*", "health.status", False),
    ],
)
def test_matches(pattern: str, promise_id: str, *, expected: bool) -> None:
    assert contract.matches(pattern, promise_id) is expected


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('act = "ocr_of_a_drawing"', 'act = "ocr_of_a_drawin"', "there is no act 'ocr_of_a_drawin'; did you mean"),
        ("weight = 22\n", "wait = 22\n", "[[operation]] ocr has the unknown key 'wait'; did you mean 'weight'?"),
        ('name = "ocr_cached"', 'name = "ocr"', "load.toml: the name 'ocr' is used twice"),
        ("[defaults.profile]", "[defaults]\nprofile = 3\n[other]", "defaults"),
    ],
)
def test_lines_that_are_no_promises_are_validated_too(folder: Path, old: str, new: str, says: str) -> None:
    spoil(folder, "load.toml", old, new)
    assert says in complaint(folder)


def _several(folder: Path, for_each: str) -> None:
    spoil(
        folder,
        "chaos.toml",
        '[[probe]]\nname = "health"',
        f'[[probe]]\nname = "page_of_{{each}}"\nfor_each = {for_each}\nsays = "the page of {{each}}"\n'
        'act = "ask_for_health"\nvalues = { who = ["{each}"] }\n\n[[probe]]\nname = "health"',
    )


def test_a_table_may_stand_for_several(folder: Path) -> None:
    _several(folder, '["one", "two"]')
    probes = plan.probes(load(folder))
    assert probes["page_of_one"].says == "the page of one"
    assert probes["page_of_two"].values == {"who": ["two"]}


def test_a_table_may_stand_for_each_line_of_another(folder: Path) -> None:
    _several(folder, '"watch"')
    loaded = load(folder)
    assert {f"page_of_{name}" for name in plan.watches(loaded)} <= set(plan.probes(loaded))


@pytest.mark.parametrize("for_each", ['"nothing"', "[]", "3", '["one", 2]', '"probe"'])
def test_what_a_table_stands_for_must_be_names(folder: Path, for_each: str) -> None:
    _several(folder, for_each)
    assert "[[probe]] for_each must be an array of names or another table" in complaint(folder)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('lever = "{each}", kind = "down"', 'lever = "padle", kind = "down"', "names the lever 'padle', which is not"),
        (
            'kind = "black_hole"',
            'kind = "blackhole"',
            "the kind of fault 'blackhole', which is not there; did you mean",
        ),
        ('probe = "ocr_{each}"\ncontrols', 'probe = "ocr_{each}s"\ncontrols', "names the probe 'ocr_paddles'"),
        (
            'experiment = "redis_killed"',
            'experiment = "redis_kiled"',
            "chaos.redis_killed.alerted names the experiment",
        ),
        ('watch = "replicas_up"', 'watch = "replicas"', "names the watch 'replicas', which is not there"),
    ],
)
def test_experiments_name_only_what_is_there(folder: Path, old: str, new: str, says: str) -> None:
    spoil(folder, "chaos.toml", old, new)
    with pytest.raises(ContractError) as caught:
        references.check(load(folder))
    assert says in str(caught.value)


def test_the_contracts_own_experiments_name_only_what_is_there() -> None:
    references.check(DEFAULT)
