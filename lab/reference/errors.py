"""How the platform says no: error codes, the envelope of HTTP errors, and the two kinds of handled failure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from starlette.responses import JSONResponse


class Code(StrEnum):
    """Error codes. The same spelling stands in bodies and in the `code` label of metrics."""

    INPUT_ERROR = "INPUT_ERROR"
    PROVIDER_TIMEOUT = "PROVIDER_TIMEOUT"
    PROVIDER_DOWN = "PROVIDER_DOWN"
    NETWORK_ERROR = "NETWORK_ERROR"
    PARSE_FAILED = "PARSE_FAILED"
    AUTH_FAILED = "AUTH_FAILED"
    MODEL_LOAD_ERROR = "MODEL_LOAD_ERROR"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    RATE_LIMIT = "RATE_LIMIT"
    CIRCUIT_OPEN = "CIRCUIT_OPEN"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    EXTERNAL_SERVICE_ERROR = "EXTERNAL_SERVICE_ERROR"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    # Only in the envelope of HTTP errors:
    INPUT_VALIDATION_FAILED = "INPUT_VALIDATION_FAILED"
    DIMENSION_MISMATCH = "DIMENSION_MISMATCH"
    DATA_NOT_FOUND = "DATA_NOT_FOUND"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    HTTP_ERROR = "HTTP_ERROR"


class Stage(StrEnum):
    """Where in its work a recognition failed; the `stage` label of `ocr_errors_total`."""

    INIT = "init"
    LOAD = "load"
    PREPROCESS = "preprocess"
    INFER = "infer"
    PARSE = "parse"
    POSTPROCESS = "postprocess"


class Rejection(StrEnum):
    """Why an upload was not accepted; the closed set of the `reason` label."""

    EMPTY = "empty"
    UNSUPPORTED_TYPE = "unsupported_type"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    TOO_MANY_PAGES = "too_many_pages"
    ACTIVE_CONTENT = "active_content"
    DECOMPRESSION_BOMB = "decompression_bomb"
    UNKNOWN_PROVIDER = "unknown_provider"
    BAD_HEADER = "bad_header"
    BAD_ENCODING = "bad_encoding"
    BAD_URL = "bad_url"
    MISSING = "missing"


class ClientMistakeError(Exception):
    """The client sent something that cannot be worked on; no provider is to blame."""

    def __init__(self, reason: Rejection, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class ProviderFaultError(Exception):
    """A provider failed; counts against its breaker unless the breaker itself refused."""

    def __init__(self, provider: str, code: Code, stage: Stage, message: str, *, reached: bool = True) -> None:
        """Keep what failed; `reached` is false when nothing was sent to the provider."""
        super().__init__(message)
        self.provider = provider
        self.code = code
        self.stage = stage
        self.message = message
        self.reached = reached


class ApiError(Exception):
    """An answer with an HTTP error status and the platform's error envelope."""

    def __init__(
        self,
        status: int,
        code: Code,
        message: str,
        *,
        source: str = "input",
        severity: str = "error",
        stage: str = "request",
        context: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the parts of the envelope; `context` must hold JSON values without NaN or infinity."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.source = source
        self.severity = severity
        self.stage = stage
        self.context = dict(context or {})
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """Build the answer."""
        detail = {
            "code": self.code.value,
            "source": self.source,
            "severity": self.severity,
            "message": self.message,
            "stage": self.stage,
            "context": self.context,
        }
        return JSONResponse({"detail": detail}, status_code=self.status, headers=self.headers)
