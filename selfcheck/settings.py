"""What the caller sets: environment variables with the prefix SELF_CHECK_, also read from a `.env` file."""

import difflib
import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from selfcheck.contract import Component, Contract, Environment, Right

PREFIX = "SELF_CHECK_"
_SENDABLE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)")
_ENV_FILE = ".env"

HEADERS = {
    Component.PROMETHEUS: "prometheus_header",
    Component.ALERTMANAGER: "alertmanager_header",
    Component.GRAFANA: "grafana_header",
}
"""The setting of the header that goes to a component."""

_URL_SCHEMES = {
    "base_url": ("http", "https"),
    "classifier_url": ("http", "https"),
    "prometheus_url": ("http", "https"),
    "alertmanager_url": ("http", "https"),
    "receiver_url": ("http", "https"),
    "grafana_url": ("http", "https"),
    "toxiproxy_url": ("http", "https"),
    "redis_url": ("redis", "rediss", "unix"),
    "database_url": ("postgresql", "postgres"),
}


class SettingsError(Exception):
    """A setting cannot be used; the text names the variable and what would be right."""


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """Every setting, by the name of its variable without the prefix. URLs with credentials are kept as secrets."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=_ENV_FILE,
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        populate_by_name=True,
    )

    base_url: str = "http://localhost:8000"
    environment: str | None = None
    contract: Path | None = None
    classifier_url: str | None = None
    prometheus_url: str | None = None
    alertmanager_url: str | None = None
    receiver_url: str | None = Field(None, description="A page that tells which notifications of alerts arrived.")
    grafana_url: str | None = None
    toxiproxy_url: str | None = None
    redis_url: SecretStr | None = None
    database_url: SecretStr | None = None
    kube_context: str | None = None
    # The platform's own scripts name these two without a prefix; the prefixed name wins.
    api_key: SecretStr | None = Field(None, validation_alias=AliasChoices(f"{PREFIX}API_KEY", "API_KEY"))
    admin_token: SecretStr | None = Field(None, validation_alias=AliasChoices(f"{PREFIX}ADMIN_TOKEN", "ADMIN_TOKEN"))
    other_api_key: SecretStr | None = Field(
        None, description="The key of another client, to prove that they are apart."
    )
    # Each goes to its component alone; without one, credentials in the URL are sent as basic authentication.
    prometheus_header: SecretStr | None = Field(None, description="Such as `Authorization: Bearer ...`.")
    alertmanager_header: SecretStr | None = Field(None, description="Likewise.")
    grafana_header: SecretStr | None = Field(None, description="Likewise.")
    client_certificate: Path | None = Field(None, description="Shown to servers that ask for one; PEM.")
    client_key: Path | None = Field(None, description="Its key, where it is not in the same file.")
    grafana_token: SecretStr | None = Field(None, description="Of a service account that may read.")
    dashboards: Path | None = Field(None, description="Folder of the dashboards that Grafana is provisioned with.")
    promtool: str | None = Field(None, description="The program, where it is not on the search path.")
    load_profile: str = Field("smoke", description="The profile of the contract by which load is generated.")
    load_workers: int = Field(1, ge=1, le=256, description="Processes that generate load.")
    load_seconds: float | None = Field(None, gt=0, description="Stretches or shortens the profile to so many seconds.")
    load_rate_factor: float = Field(1.0, gt=0, description="Multiplies the profile's rates.")
    load_seed: int = Field(1, ge=0, description="Of what is random in arrivals and mix.")
    load_record: Path | None = Field(None, description="A saved run, to be judged again instead of a new one.")
    load_baseline: Path | None = Field(None, description="A saved run to compare with.")
    chaos_record: Path | None = Field(None, description="Saved experiments, to be judged again instead of new ones.")
    chaos_ledger: Path = Field(
        Path(".selfcheck/ledger"), description="Folder of what chaos has changed and has to take back."
    )
    strict: bool = False
    deadline: float | None = Field(None, gt=0, description="Seconds for the whole run.")
    output: Path = Path(".selfcheck")
    require: Names = ()
    ca_file: Path | None = Field(None, description="Certificates to trust besides the system's.")


def read() -> Settings:
    """Read the settings from the environment and `.env`; raises SettingsError with one sentence a problem."""
    try:
        settings = Settings()
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            name = str(problem["loc"][0]).upper()
            name = name if name.startswith(PREFIX) or name in {"API_KEY", "ADMIN_TOKEN"} else PREFIX + name
            lines.append(f"{name}: {problem['msg'].lower()}")
        raise SettingsError("\n".join(lines)) from None
    except (OSError, UnicodeDecodeError) as error:
        message = f".env cannot be read: {error}"
        raise SettingsError(message) from error
    for name, secret in (
        ("API_KEY", settings.api_key),
        ("ADMIN_TOKEN", settings.admin_token),
        ("OTHER_API_KEY", settings.other_api_key),
        ("GRAFANA_TOKEN", settings.grafana_token),
    ):
        if secret is not None and not _SENDABLE.fullmatch(secret.get_secret_value()):
            message = f"{PREFIX}{name} holds a character that no header can carry (a line break or a blank at its end?)"
            raise SettingsError(message)
    _check_headers(settings)
    _check_paths(settings)
    for key, schemes in _URL_SCHEMES.items():
        _check_url(f"{PREFIX}{key.upper()}", getattr(settings, key), schemes)
    for name in settings.require:
        if name not in set(Component):
            close = difflib.get_close_matches(name, [str(component) for component in Component], n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            message = f"{PREFIX}REQUIRE names the unknown component {name!r}{hint} (known: {', '.join(Component)})"
            raise SettingsError(message)
    return settings


def as_environment(settings: Settings) -> dict[str, str]:
    """Give the variables that make another process read the same settings; they hold the secrets."""
    found: dict[str, str] = {}
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if value is not None:
            found[PREFIX + name.upper()] = ",".join(value) if isinstance(value, tuple) else str(value)
    return found


def unknown_variables(environment: Iterable[str] | None = None) -> list[str]:
    """Give a remark for each SELF_CHECK_ variable that means nothing, most likely a misspelt one.

    Looks into the environment and `.env` unless names are given.
    """
    known = [name.upper() for name in Settings.model_fields]
    remarks = []
    for name in sorted({*os.environ, *_in_env_file()} if environment is None else set(environment)):
        if name.startswith(PREFIX) and (own := name.removeprefix(PREFIX)) not in known:
            close = difflib.get_close_matches(own, known, n=1)
            remarks.append(f"{name} is not a setting" + (f"; did you mean {PREFIX}{close[0]}?" if close else ""))
    return remarks


def _in_env_file() -> Iterable[str]:
    from dotenv import dotenv_values  # noqa: PLC0415 - only here, and only when a run starts

    return dotenv_values(_ENV_FILE, interpolate=False)


def _check_headers(settings: Settings) -> None:
    for component in HEADERS.values():
        secret = getattr(settings, component)
        if secret is not None and not _HEADER.fullmatch(secret.get_secret_value()):
            message = f"{PREFIX}{component.upper()} is not a header; write it as `Name: value` on one line"
            raise SettingsError(message)


def _check_paths(settings: Settings) -> None:
    for key in ("client_certificate", "client_key"):
        path = getattr(settings, key)
        if path is not None and not path.is_file():
            message = f"{PREFIX}{key.upper()}: there is no file {str(path)!r}; name a file in PEM form"
            raise SettingsError(message)
    if settings.client_key is not None and settings.client_certificate is None:
        message = f"{PREFIX}CLIENT_KEY needs {PREFIX}CLIENT_CERTIFICATE"
        raise SettingsError(message)
    if settings.ca_file is not None and not settings.ca_file.is_file():
        message = (
            f"{PREFIX}CA_FILE: there is no file {str(settings.ca_file)!r}; name a file of certificates in PEM form"
        )
        raise SettingsError(message)
    if settings.dashboards is not None and not settings.dashboards.is_dir():
        message = f"{PREFIX}DASHBOARDS: there is no folder {str(settings.dashboards)!r}; name one of dashboards in JSON"
        raise SettingsError(message)


def _check_url(name: str, value: str | SecretStr | None, schemes: tuple[str, ...]) -> None:
    if value is None:
        return
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    try:
        parts = urlsplit(text)
        usable = parts.scheme in schemes and bool(parts.hostname or parts.scheme == "unix")
        _ = parts.port  # raises ValueError for a port that is not a number
    except ValueError:
        usable = False
    if not usable:
        # The value of a URL that may hold a password is not shown.
        shown = "the value" if isinstance(value, SecretStr) else repr(text)
        message = f"{name}: {shown} is not a URL; expected {' or '.join(s + '://host' for s in schemes)}"
        raise SettingsError(message)


class Scope:
    """What this run looks at: the environment with the settings laid over it."""

    def __init__(self, settings: Settings, contract: Contract) -> None:
        self.settings = settings
        self.name, chosen = _choose(settings, contract)
        overrides: dict[str, Any] = {
            key: value.get_secret_value() if isinstance(value, SecretStr) else value
            for key in Environment.model_fields
            if (value := getattr(settings, key, None)) is not None and key in settings.model_fields_set
        }
        self.environment = chosen.model_copy(update=overrides)
        self.base_url = self.environment.base_url.rstrip("/")

    def url(self, component: Component) -> str | None:
        """Give the URL (or context) of a component, None when it is out of scope."""
        environment = self.environment
        found = {
            Component.APP: self.base_url,
            Component.CLASSIFIER: environment.classifier_url,
            Component.PROMETHEUS: environment.prometheus_url,
            Component.ALERTMANAGER: environment.alertmanager_url,
            Component.GRAFANA: environment.grafana_url,
            Component.REDIS: environment.redis_url,
            Component.POSTGRES: environment.database_url,
            Component.TOXIPROXY: environment.toxiproxy_url,
            Component.KUBERNETES: environment.kube_context,
        }.get(component)
        return found.rstrip("/") if found else None

    @property
    def api_key(self) -> str | None:
        """The key for API routes."""
        return self.settings.api_key.get_secret_value() if self.settings.api_key else None

    @property
    def other_api_key(self) -> str | None:
        """The key of another client of the same platform."""
        return self.settings.other_api_key.get_secret_value() if self.settings.other_api_key else None

    @property
    def admin_token(self) -> str | None:
        """The token for admin routes."""
        return self.settings.admin_token.get_secret_value() if self.settings.admin_token else None

    @property
    def grafana_token(self) -> str | None:
        """The token of a service account of Grafana."""
        return self.settings.grafana_token.get_secret_value() if self.settings.grafana_token else None

    def headers(self, component: Component) -> dict[str, str]:
        """Give the headers that go to a component, and to no other."""
        secret: SecretStr | None = getattr(self.settings, HEADERS.get(component, ""), None)
        found = _HEADER.fullmatch(secret.get_secret_value()) if secret is not None else None
        return {found[1]: found[2]} if found is not None else {}

    @property
    def client_certificate(self) -> tuple[str, str] | None:
        """The files of certificate and key that servers are shown when they ask."""
        certificate = self.settings.client_certificate
        return None if certificate is None else (str(certificate), str(self.settings.client_key or certificate))

    def covers(self, component: Component) -> bool:
        """Tell whether a component is in scope, or a credential is known.

        The classifier is served by the app unless a URL of its own is given, so it is always worth a look.
        """
        if component is Component.API_KEY:
            return self.api_key is not None
        if component is Component.OTHER_API_KEY:
            return self.other_api_key is not None
        if component is Component.ADMIN_TOKEN:
            return self.admin_token is not None
        return component is Component.CLASSIFIER or self.url(component) is not None


SETTING_OF = {
    component: PREFIX
    + {
        Component.APP: "BASE_URL",
        Component.POSTGRES: "DATABASE_URL",
        Component.KUBERNETES: "KUBE_CONTEXT",
        Component.API_KEY: "API_KEY",
        Component.OTHER_API_KEY: "OTHER_API_KEY",
        Component.ADMIN_TOKEN: "ADMIN_TOKEN",
    }.get(component, f"{component.upper()}_URL")
    for component in Component
}
"""The variable that brings a component into scope."""


def normalised(url: str) -> str:
    """Write a base URL in one way: lower-case scheme and host, no default port, no slash at the end."""
    parts = urlsplit(url)
    port = parts.port
    if (parts.scheme.lower(), port) in {("http", 80), ("https", 443)}:
        port = None
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme.lower()}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _refuse_rights_of_another(settings: Settings, environments: Mapping[str, Environment]) -> None:
    """Keep what a run may do in one environment from being done to another one; raises SettingsError."""
    if "base_url" not in settings.model_fields_set:
        return
    here = normalised(settings.base_url)
    owners = [name for name, environment in environments.items() if normalised(environment.base_url) == here]
    if owners and settings.environment not in owners:
        message = (
            f"{PREFIX}BASE_URL is that of the environment {owners[0]!r}, and {PREFIX}ENVIRONMENT names "
            f"{settings.environment!r}: what may be done differs; leave one of the two out"
        )
        raise SettingsError(message)


def _choose(settings: Settings, contract: Contract) -> tuple[str, Environment]:
    environments = contract.platform.environments
    if settings.environment is not None:
        if settings.environment not in environments:
            close = difflib.get_close_matches(settings.environment, environments, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            message = (
                f"{PREFIX}ENVIRONMENT: the contract has no environment {settings.environment!r}{hint} "
                f"(known: {', '.join(environments)})"
            )
            raise SettingsError(message)
        _refuse_rights_of_another(settings, environments)
        return settings.environment, environments[settings.environment]
    for name, environment in environments.items():
        if normalised(environment.base_url) == normalised(settings.base_url):
            return name, environment
    # What runs on this machine is taken for one's own; whoever looks at a foreign platform through a forwarded port
    # names its environment.
    allow = (Right.READ, Right.SYNTHETIC, *((Right.INTRUSIVE,) if _is_loopback(settings.base_url) else ()))
    return "ad-hoc", Environment(base_url=settings.base_url, allow=allow)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
