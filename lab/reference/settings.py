"""Settings of one replica, read from the environment variables that the operations manual names."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

OCR_PROVIDERS: Final = ("paddle", "deepseek_hf")
VISION_PROVIDERS: Final = ("vision",)
PROVIDERS: Final = OCR_PROVIDERS + VISION_PROVIDERS
ALIASES: Final[Mapping[str, str]] = {"deepseek": "deepseek_hf"}


class SettingError(ValueError):
    """An environment variable has a value that cannot be used; the message names variable and value."""


def canonical_provider(name: str) -> str:
    """Give the name under which a provider is known everywhere: aliases resolved, case and blanks ignored."""
    plain = name.strip().lower()
    return ALIASES.get(plain, plain)


@dataclass(kw_only=True)
class Settings:
    """What one replica runs with. Durations are seconds, sizes are bytes.

    Not frozen: every part of the platform reads this one object at the time of use, so that a seeded defect can change
    a setting of the running replica and put it back.
    """

    replica: str = "replica-1"
    request_timeout_seconds: float = 30.0
    provider_timeout_seconds: float = 10.0
    circuit_breaker_timeout_seconds: float = 60.0
    circuit_breaker_failures: int = 5
    disabled_providers: frozenset[str] = frozenset()

    ocr_rate_limit_per_min: int = 6000
    ocr_max_file_bytes: int = 10 * 1024 * 1024
    ocr_max_pages: int = 20
    vision_max_image_bytes: int = 1024 * 1024
    request_max_bytes: int = 16 * 1024 * 1024
    vector_max_dimension: int = 4096

    classifier_rate_limit_per_min: int = 120
    classifier_rate_limit_burst: int = 20
    classifier_cache_max_size: int = 1000
    rate_limit_window_seconds: int = 60
    classifier_batch_max_files: int = 32
    error_ema_alpha: float = 0.2

    max_workers: int = 4
    connection_pool_size: int = 20
    redis_max_connections: int = 50
    cache_ttl_seconds: float = 3600.0
    health_cache_seconds: float = 1.0
    dependency_timeout_seconds: float = 0.45

    redis_url: str | None = None
    database_url: str | None = None
    provider_urls: Mapping[str, str] = field(default_factory=dict)

    api_keys: tuple[str, ...] = field(default=(), repr=False)
    admin_token: str | None = field(default=None, repr=False)
    lab_directory: Path | None = None

    def enabled(self, provider: str) -> bool:
        """Whether operators let this provider be used."""
        return provider not in self.disabled_providers

    @classmethod
    def from_environment(cls, *, replica: str, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings; raises SettingError for a value that makes no sense."""
        reader = _Reader(os.environ if environ is None else environ)
        disabled = frozenset(canonical_provider(name) for name in reader.names("DISABLED_PROVIDERS"))
        if strangers := disabled - set(PROVIDERS):
            message = f"DISABLED_PROVIDERS names {', '.join(sorted(strangers))}; known are {', '.join(PROVIDERS)}"
            raise SettingError(message)
        directory = reader.text("LAB_DIRECTORY")
        return cls(
            replica=replica,
            request_timeout_seconds=reader.number("REQUEST_TIMEOUT", 30.0),
            provider_timeout_seconds=reader.number("PROVIDER_TIMEOUT", 10.0),
            circuit_breaker_timeout_seconds=reader.number("CIRCUIT_BREAKER_TIMEOUT", 60.0),
            circuit_breaker_failures=reader.count("CIRCUIT_BREAKER_FAILURES", 5),
            disabled_providers=disabled,
            ocr_rate_limit_per_min=reader.count("OCR_RATE_LIMIT_PER_MIN", 6000),
            ocr_max_file_bytes=reader.count("OCR_MAX_FILE_BYTES", 10 * 1024 * 1024),
            ocr_max_pages=reader.count("OCR_MAX_PAGES", 20),
            vision_max_image_bytes=reader.count("VISION_MAX_IMAGE_BYTES", 1024 * 1024),
            classifier_rate_limit_per_min=reader.count("CLASSIFIER_RATE_LIMIT_PER_MIN", 120),
            classifier_rate_limit_burst=reader.count("CLASSIFIER_RATE_LIMIT_BURST", 20, least=0),
            rate_limit_window_seconds=reader.count("RATE_LIMIT_WINDOW_SECONDS", 60),
            classifier_cache_max_size=reader.count("CLASSIFIER_CACHE_MAX_SIZE", 1000),
            max_workers=reader.count("MAX_WORKERS", 4),
            connection_pool_size=reader.count("CONNECTION_POOL_SIZE", 20),
            redis_max_connections=reader.count("REDIS_MAX_CONNECTIONS", 50),
            cache_ttl_seconds=reader.number("CACHE_TTL", 3600.0),
            redis_url=reader.text("REDIS_URL"),
            database_url=reader.text("DATABASE_URL"),
            provider_urls={
                provider: url
                for provider, variable in (
                    ("paddle", "PADDLE_URL"),
                    ("deepseek_hf", "DEEPSEEK_HF_URL"),
                    ("vision", "VISION_URL"),
                )
                if (url := reader.text(variable))
            },
            api_keys=tuple(reader.names("API_KEYS")),
            admin_token=reader.text("ADMIN_TOKEN"),
            lab_directory=Path(directory) if directory else None,
        )


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def names(self, name: str) -> list[str]:
        return [part.strip() for part in self._environ.get(name, "").split(",") if part.strip()]

    def number(self, name: str, default: float) -> float:
        text = self.text(name)
        try:
            value = default if text is None else float(text)
        except ValueError:
            value = -1.0
        if not 0 < value < float("inf"):
            message = f"{name} must be a number of seconds above 0, not {text!r}"
            raise SettingError(message)
        return value

    def count(self, name: str, default: int, *, least: int = 1) -> int:
        text = self.text(name)
        try:
            value = default if text is None else int(text)
        except ValueError:
            value = least - 1
        if value < least:
            message = f"{name} must be a whole number of at least {least}, not {text!r}"
            raise SettingError(message)
        return value
