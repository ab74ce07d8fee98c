"""Settings: what can be set, what is said of what cannot be used, and which environment follows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from selfcheck import contract, settings
from selfcheck.contract import Component
from selfcheck.settings import SETTING_OF, Scope, SettingsError, normalised, unknown_variables

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = contract.load()
SECRET = "s3cr3t-value"


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)
    for name in ("API_KEY", "ADMIN_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def scope(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Scope:
    for name, value in variables.items():
        monkeypatch.setenv(settings.PREFIX + name, value)
    return Scope(settings.read(), DEFAULT)


def test_without_any_setting_it_is_the_lab() -> None:
    read = settings.read()
    assert (read.base_url, read.strict, str(read.output)) == ("http://localhost:8000", False, ".selfcheck")
    assert Scope(read, DEFAULT).name == "local"


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("BASE_URL", "https://x.test", "base_url", "https://x.test"),
        ("ENVIRONMENT", "staging", "environment", "staging"),
        ("STRICT", "1", "strict", True),
        ("STRICT", "true", "strict", True),
        ("STRICT", "", "strict", False),
        ("DEADLINE", "2.5", "deadline", 2.5),
        ("REQUIRE", "prometheus, redis,", "require", ("prometheus", "redis")),
        ("REQUIRE", "", "require", ()),
        ("KUBE_CONTEXT", "prod", "kube_context", "prod"),
        ("PROMETHEUS_URL", "http://p.test:9090", "prometheus_url", "http://p.test:9090"),
    ],
)
def test_a_variable_sets_its_field(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, field: str, expected: object
) -> None:
    monkeypatch.setenv(f"SELF_CHECK_{variable}", value)
    assert getattr(settings.read(), field) == expected


def test_a_dot_env_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = ["SELF_CHECK_BASE_URL=http://file.test", "SELF_CHECK_DEADLINE=7", "API_KEY=from-the-file", "OTHER=1"]
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("SELF_CHECK_BASE_URL", "http://environment.test")
    found = Scope(settings.read(), DEFAULT)
    assert (found.base_url, found.settings.deadline, found.api_key) == ("http://environment.test", 7, "from-the-file")


def test_a_dot_env_file_that_is_not_text_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe")
    with pytest.raises(SettingsError, match=r"^\.env cannot be read"):
        settings.read()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, (None, None)),
        ({"API_KEY": "plain-key"}, ("plain-key", None)),
        ({"SELF_CHECK_API_KEY": "own-key"}, ("own-key", None)),
        ({"SELF_CHECK_API_KEY": "own-key", "API_KEY": "plain-key"}, ("own-key", None)),
        ({"SELF_CHECK_API_KEY": "", "API_KEY": "plain-key"}, ("plain-key", None)),
        ({"ADMIN_TOKEN": "plain", "SELF_CHECK_ADMIN_TOKEN": "own"}, (None, "own")),
    ],
    ids=str,
)
def test_credentials_have_two_names(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: tuple[str | None, str | None]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = Scope(settings.read(), DEFAULT)
    assert (found.api_key, found.admin_token) == expected
    assert found.covers(Component.API_KEY) is (expected[0] is not None)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        (
            "BASE_URL",
            "localhost:8000",
            "SELF_CHECK_BASE_URL: 'localhost:8000' is not a URL; expected http://host or https",
        ),
        ("BASE_URL", "http://", "SELF_CHECK_BASE_URL: 'http://' is not a URL"),
        ("BASE_URL", "http://host:port", "SELF_CHECK_BASE_URL"),
        ("PROMETHEUS_URL", "ftp://host", "SELF_CHECK_PROMETHEUS_URL: 'ftp://host' is not a URL"),
        ("REDIS_URL", f"http://:{SECRET}@redis", "SELF_CHECK_REDIS_URL: the value is not a URL; expected redis://host"),
        (
            "DATABASE_URL",
            f"mysql://u:{SECRET}@db",
            "SELF_CHECK_DATABASE_URL: the value is not a URL; expected postgresql:",
        ),
        ("DEADLINE", "soon", "SELF_CHECK_DEADLINE: input should be a valid number"),
        ("DEADLINE", "0", "SELF_CHECK_DEADLINE: input should be greater than 0"),
        ("STRICT", "perhaps", "SELF_CHECK_STRICT: input should be a valid boolean"),
        (
            "REQUIRE",
            "prometeus",
            "SELF_CHECK_REQUIRE names the unknown component 'prometeus'; did you mean 'prometheus'?",
        ),
    ],
)
def test_what_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str) -> None:
    monkeypatch.setenv(f"SELF_CHECK_{variable}", value)
    with pytest.raises(SettingsError) as caught:
        settings.read()
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_secrets_are_in_no_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SELF_CHECK_API_KEY", "ADMIN_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("SELF_CHECK_REDIS_URL", f"redis://:{SECRET}@redis:6379")
    monkeypatch.setenv("SELF_CHECK_DATABASE_URL", f"postgresql://app:{SECRET}@db/x")
    read = settings.read()
    assert SECRET not in repr(read) + str(read) + repr(read.model_dump())


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("SELF_CHECK_BASEURL", "SELF_CHECK_BASEURL is not a setting; did you mean SELF_CHECK_BASE_URL?"),
        (
            "SELF_CHECK_PROMETHUS_URL",
            "SELF_CHECK_PROMETHUS_URL is not a setting; did you mean SELF_CHECK_PROMETHEUS_URL?",
        ),
        ("SELF_CHECK_XYZZY", "SELF_CHECK_XYZZY is not a setting"),
        ("SELF_CHECK_API_KEY", None),
        ("OTHER_BASEURL", None),
    ],
)
def test_a_variable_that_means_nothing_is_remarked(name: str, remark: str | None) -> None:
    assert unknown_variables([name]) == ([remark] if remark else [])


def test_misspelt_variables_are_found_where_settings_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SELF_CHECK_STRIKT=1\n", encoding="utf-8")
    monkeypatch.setenv("SELF_CHECK_DEADLINES", "1")
    assert [remark.split()[0] for remark in unknown_variables()] == ["SELF_CHECK_DEADLINES", "SELF_CHECK_STRIKT"]


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("http://localhost:8000", "local"),
        ("HTTP://LocalHost:8000/", "local"),
        ("https://staging.example.com", "staging"),
        ("https://staging.example.com:443/", "staging"),
        ("https://api.example.com", "production"),
        ("http://api.example.com", "ad-hoc"),
        ("https://api.example.com/other", "ad-hoc"),
        ("http://localhost:8001", "ad-hoc"),
    ],
)
def test_the_environment_follows_from_the_base_url(monkeypatch: pytest.MonkeyPatch, base_url: str, name: str) -> None:
    assert scope(monkeypatch, BASE_URL=base_url).name == name


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://Host:80/", "http://host"),
        ("https://host:443", "https://host"),
        ("http://host:443", "http://host:443"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("https://host/A/", "https://host/A"),
    ],
)
def test_normalised(url: str, expected: str) -> None:
    assert normalised(url) == expected


def test_an_ad_hoc_environment_has_just_the_app_and_few_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    found = scope(monkeypatch, BASE_URL="http://elsewhere.test")
    assert [component for component in Component if found.covers(component)] == [Component.APP, Component.CLASSIFIER]
    assert set(found.environment.allow) == {"read", "synthetic"}


def test_settings_are_laid_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    found = scope(
        monkeypatch, ENVIRONMENT="staging", BASE_URL="http://other.test/", REDIS_URL=f"redis://:{SECRET}@redis:6379/0"
    )
    assert (found.name, found.base_url, found.url(Component.APP)) == (
        "staging",
        "http://other.test",
        "http://other.test",
    )
    assert found.url(Component.REDIS) == f"redis://:{SECRET}@redis:6379/0"
    assert found.url(Component.PROMETHEUS) is None


def test_an_unknown_environment_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"no environment 'stagin'; did you mean 'staging'\? \(known: local, "):
        scope(monkeypatch, ENVIRONMENT="stagin")


@pytest.mark.parametrize("base_url", ["https://api.example.com", "https://API.example.com:443/"])
def test_the_rights_of_one_environment_do_not_reach_another(monkeypatch: pytest.MonkeyPatch, base_url: str) -> None:
    with pytest.raises(SettingsError, match="BASE_URL is that of the environment 'production'"):
        scope(monkeypatch, ENVIRONMENT="local", BASE_URL=base_url)


def test_an_environment_may_be_named_besides_its_own_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    assert scope(monkeypatch, ENVIRONMENT="production", BASE_URL="https://api.example.com/").name == "production"


@pytest.mark.parametrize("component", list(Component))
def test_each_component_is_brought_into_scope_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, component: Component
) -> None:
    values = {Component.REDIS: "redis://x.test", Component.POSTGRES: "postgresql://x.test"}
    monkeypatch.setenv(SETTING_OF[component], values.get(component, "http://x.test"))
    assert Scope(settings.read(), DEFAULT).covers(component)
    assert unknown_variables() == []


def test_another_process_can_be_given_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", SECRET)
    monkeypatch.setenv("SELF_CHECK_REQUIRE", "prometheus,redis")
    monkeypatch.setenv("SELF_CHECK_REDIS_URL", f"redis://:{SECRET}@localhost:6379/0")
    monkeypatch.setenv("SELF_CHECK_LOAD_WORKERS", "2")
    monkeypatch.setenv("SELF_CHECK_STRICT", "1")
    here = settings.read()
    given = settings.as_environment(here)
    for name in ("API_KEY", "SELF_CHECK_REQUIRE", "SELF_CHECK_REDIS_URL", "SELF_CHECK_LOAD_WORKERS"):
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert settings.read() == here
