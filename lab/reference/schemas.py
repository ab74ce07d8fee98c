"""Bodies of requests and answers, as the OpenAPI document describes them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
UpOrDown = Literal["up", "down"]


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str
    source: str
    severity: str
    message: str
    stage: str
    context: dict[str, Any] = {}


class ErrorEnvelope(BaseModel):
    """The body of every answer with an HTTP error status, except 422."""

    detail: ErrorDetail


class Services(BaseModel):
    """Whether what the replica depends on answers."""

    api: UpOrDown
    ml: UpOrDown
    redis: UpOrDown


class ErrorRates(BaseModel):
    """Moving averages of failed requests."""

    ocr: Share
    vision: Share


class Runtime(BaseModel):
    """Facts about the running process. Healthy replicas say the same here, so nothing that tells them apart."""

    python_version: str
    metrics_enabled: bool
    error_rate_ema: ErrorRates


class Limits(BaseModel):
    """Limits in force; durations in seconds, sizes in bytes."""

    request_timeout_seconds: float
    provider_timeout_seconds: float
    circuit_breaker_timeout_seconds: float
    circuit_breaker_failures: int
    ocr_max_file_bytes: int
    ocr_max_pages: int
    vision_max_image_bytes: int
    request_max_bytes: int
    max_workers: int
    connection_pool_size: int
    redis_max_connections: int
    cache_ttl_seconds: float


class Providers(BaseModel):
    """Known providers by domain."""

    ocr: list[str]
    vision: list[str]
    default: str
    disabled: list[str]


class Monitoring(BaseModel):
    """What is watched, and the classifier's limits."""

    metrics_enabled: bool
    redis_enabled: bool
    error_ema_alpha: float
    classifier_rate_limit_per_min: int
    classifier_rate_limit_burst: int
    classifier_cache_max_size: int


class Config(BaseModel):
    """The configuration in force."""

    limits: Limits
    providers: Providers
    monitoring: Monitoring


class Health(BaseModel):
    """How the replica is. Always answered with 200; `status` tells."""

    status: Literal["healthy", "degraded"]
    timestamp: str
    services: Services
    runtime: Runtime
    config: Config


class VectorStore(BaseModel):
    """How many vectors are registered."""

    total: int
    versions: dict[str, int]


class ExtendedHealth(Health):
    """Health and the vector store."""

    vector_store: VectorStore


class ReadyCheck(BaseModel):
    """One dependency as readiness sees it."""

    status: UpOrDown
    detail: str
    duration_ms: float


class Readiness(BaseModel):
    """Whether the load balancer should send requests here."""

    status: Literal["ready", "not_ready"]
    ready: bool
    timestamp: str
    checks: dict[str, ReadyCheck]


class OcrResult(BaseModel):
    """What was read in a drawing, or why nothing was."""

    success: bool
    provider: str
    confidence: Share | None = None
    processing_time_ms: float = Field(ge=0)
    cached: bool = False
    lines: list[str] = []
    dimensions: list[dict[str, Any]] = []
    symbols: list[dict[str, Any]] = []
    title_block: dict[str, str] = {}
    error: str | None = None
    code: str | None = None


class VisionRequest(BaseModel):
    """An image to analyse: exactly one of `image_base64` and `image_url`."""

    image_base64: str | None = None
    image_url: str | None = Field(default=None, max_length=2048)
    include_description: bool = True
    include_ocr: bool = False


class Description(BaseModel):
    """An image in words."""

    summary: str
    details: list[str]
    confidence: Share


class VisionOcr(BaseModel):
    """What was read in the image."""

    confidence: Share
    lines: list[str]
    dimensions: list[dict[str, Any]]
    symbols: list[dict[str, Any]]
    title_block: dict[str, str]


class VisionResult(BaseModel):
    """What is to be seen in an image, or why that is unknown."""

    success: bool
    provider: str
    description: Description | None = None
    ocr: VisionOcr | None = None
    processing_time_ms: float = Field(ge=0)
    error: str | None = None
    code: str | None = None


class CompareRequest(BaseModel):
    """A feature vector and the registered vector to compare it with."""

    model_config = ConfigDict(strict=True)

    query_features: list[float]
    candidate_hash: str = Field(max_length=256)


class CompareResult(BaseModel):
    """The cosine of the angle between the two vectors."""

    similarity: float = Field(ge=-1, le=1)
    score: float = Field(ge=-1, le=1)
    feature_distance: float = Field(ge=0, le=2)
    method: str
    dimension: int
    reference_id: str


class VectorRegistration(BaseModel):
    """A vector to register under an id."""

    model_config = ConfigDict(strict=True)

    id: str = Field(max_length=256)
    vector: list[float]
    meta: dict[str, str] | None = None


class VectorRegistered(BaseModel):
    """The vector is kept."""

    id: str
    status: Literal["registered"] = "registered"
    dimension: int


class VectorId(BaseModel):
    """Which vector."""

    model_config = ConfigDict(strict=True)

    id: str = Field(max_length=256)


class VectorDeleted(BaseModel):
    """The vector is gone."""

    id: str
    status: Literal["deleted"] = "deleted"


class Classification(BaseModel):
    """What kind of part a DXF file shows."""

    category: str
    confidence: Share
    probabilities: dict[str, Share]
    cached: bool


class BatchItem(BaseModel):
    """One file of a batch: its classification or its error."""

    filename: str
    result: Classification | None = None
    error: str | None = None
    code: str | None = None


class BatchClassification(BaseModel):
    """All files of a batch, in the order in which they were sent."""

    total: int
    succeeded: int
    results: list[BatchItem]


class CacheStats(BaseModel):
    """The classification cache of this replica."""

    status: str
    size: int
    max_size: int
    hits: int
    misses: int
    hit_ratio: Share | None


class ProviderState(BaseModel):
    """One provider."""

    domain: Literal["ocr", "vision"]
    provider: str
    ready: bool
    error: str | None


class ProvidersHealth(BaseModel):
    """All providers; `status` is "ok" when every enabled one is ready."""

    status: Literal["ok", "degraded"]
    total: int
    ready: int
    results: list[ProviderState]


class BreakerReset(BaseModel):
    """A breaker was closed; `scope` tells whether the other replicas follow (they learn of it through Redis)."""

    provider: str
    state: Literal["closed"] = "closed"
    previous_state: str
    scope: Literal["all_replicas", "this_replica"]
