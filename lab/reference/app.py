"""One replica of the reference platform: `python -m lab.reference.app --port P --replica replica-1`."""

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final, cast

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, File, Header, Query, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader
from prometheus_client import make_asgi_app
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from lab.reference import schemas, stuck
from lab.reference.access import ANONYMOUS
from lab.reference.errors import ApiError, ClientMistakeError, Code
from lab.reference.limiter import LimitedError
from lab.reference.middleware import Bounds, SecurityHeaders
from lab.reference.ocr import OcrRequest
from lab.reference.service import Platform
from lab.reference.settings import PROVIDERS, SettingError, Settings, canonical_provider
from lab.tamper import Tamper

_log = logging.getLogger(__name__)

SERVER_OPTIONS: Final[Mapping[str, Any]] = {
    "access_log": False,
    "server_header": False,
    # The peer's address is what rate limits count by: a header that anybody can send must not change it.
    "proxy_headers": False,
    # Longer than the load balancer keeps an idle connection, so that it is never closed under its hands.
    "timeout_keep_alive": 75,
    "timeout_graceful_shutdown": 5,
    "log_config": None,
}
_IN_THREAD_FROM_BYTES = 64 * 1024

_api_key = APIKeyHeader(name="X-API-Key", auto_error=False, description="The client's key.")
_admin_token = APIKeyHeader(name="X-Admin-Token", auto_error=False, description="For administrators.")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": schemas.ErrorEnvelope} for status in statuses}


def platform_of(request: Request) -> Platform:
    """Give the platform object that answers a request."""
    return cast("Platform", request.app.state.platform)


def tenant_of_request(request: Request) -> str:
    """Give the tenant that a request's key belongs to; raises ApiError 401 for a key that nobody has."""
    return platform_of(request).access.tenant(request)


def client_of(request: Request) -> str:
    """Give the name under which a client's requests are counted: its tenant, without a key its address."""
    tenant = tenant_of_request(request)
    address = request.client.host if request.client else "unknown"
    return f"address:{address}" if tenant == ANONYMOUS else f"tenant:{tenant}"


class KeyedRoute(APIRoute):
    """A route that wants an API key, and looks at it before it looks at the body."""

    def get_route_handler(self) -> Handler:
        """Wrap the handler."""
        handler = super().get_route_handler()

        async def checked(request: Request) -> Response:
            platform_of(request).access.check_key(request)
            return await handler(request)

        return checked


class AdminRoute(APIRoute):
    """A route that wants the administrators' token: 401 without one, 403 with a wrong one."""

    def get_route_handler(self) -> Handler:
        """Wrap the handler."""
        handler = super().get_route_handler()

        async def checked(request: Request) -> Response:
            platform_of(request).access.check_admin(request)
            return await handler(request)

        return checked


Served = Annotated[Platform, Depends(platform_of)]
Tenant = Annotated[str, Depends(tenant_of_request)]
Client = Annotated[str, Depends(client_of)]

open_routes = APIRouter()
keyed_routes = APIRouter(route_class=KeyedRoute, dependencies=[Depends(_api_key)], responses=_errors(401))
admin_routes = APIRouter(
    route_class=AdminRoute, dependencies=[Depends(_admin_token)], responses=_errors(401, 403), tags=["admin"]
)


# ------------------------------------------------------------------------------------------------------ health


@open_routes.get("/health", tags=["health"], operation_id="health")
@open_routes.get("/api/v1/health", tags=["health"], operation_id="health_v1")
async def health(platform: Served) -> schemas.Health:
    """How this replica and its dependencies are."""
    return await platform.health.report()


@open_routes.get("/health/extended", tags=["health"])
async def health_extended(platform: Served) -> schemas.ExtendedHealth:
    """Health, and how many vectors are registered."""
    report, versions = await asyncio.gather(platform.health.report(), platform.vectors.count())
    store = schemas.VectorStore(total=sum(versions.values()), versions=versions)
    return schemas.ExtendedHealth(**dict(report), vector_store=store)


@open_routes.get("/ready", tags=["health"], responses={503: {"model": schemas.Readiness}})
async def ready(platform: Served, response: Response) -> schemas.Readiness:
    """Whether requests should be sent to this replica."""
    readiness = await platform.health.readiness()
    response.status_code = 200 if readiness.ready else 503
    return readiness


@keyed_routes.get("/api/v1/providers/health", tags=["health"])
async def providers_health(platform: Served) -> schemas.ProvidersHealth:
    """How the recognition providers are."""
    return await platform.health.providers()


# ------------------------------------------------------------------------------------------------- recognition


@open_routes.post("/api/v1/ocr/extract", tags=["recognition"], responses=_errors(400, 401, 408, 413, 429, 504))
async def ocr_extract(
    platform: Served,
    tenant: Tenant,
    client: Client,
    file: Annotated[UploadFile, File(description="A drawing: PNG, JPEG or PDF.")],
    provider: Annotated[str, Query(description="auto, paddle, deepseek_hf or its alias deepseek.")] = "auto",
    idempotency_key: Annotated[str | None, Header()] = None,
) -> schemas.OcrResult:
    """Read what stands in a drawing. A handled failure is answered with 200, `success` false and a code."""
    try:
        await platform.limiter.spend("ocr", client)
    except LimitedError as error:
        platform.metrics.ocr_rate_limited.inc()
        raise _too_many(error) from error
    # One byte more than allowed is enough to see that it is too much.
    content = await file.read(platform.settings.ocr_max_file_bytes + 1)
    return await platform.ocr.extract(OcrRequest(content, provider, tenant, idempotency_key))


@open_routes.post("/api/v1/vision/analyze", tags=["recognition"], responses=_errors(401, 408, 413, 504))
async def vision_analyze(platform: Served, _: Tenant, request: schemas.VisionRequest) -> schemas.VisionResult:
    """Describe an image. A handled failure is answered with 200, `success` false and a code."""
    return await platform.vision.analyze(request)


# ----------------------------------------------------------------------------------------------------- compare


@keyed_routes.post("/api/compare", tags=["compare"], operation_id="compare", responses=_errors(400, 404, 503))
@keyed_routes.post("/api/v1/compare", tags=["compare"], operation_id="compare_v1", responses=_errors(400, 404, 503))
async def compare(platform: Served, tenant: Tenant, request: schemas.CompareRequest) -> schemas.CompareResult:
    """Compare a feature vector with a registered one."""
    return await platform.compare.compare(tenant, request.query_features, request.candidate_hash)


@keyed_routes.post("/api/v1/vectors/register", tags=["compare"], responses=_errors(400))
async def register_vector(
    platform: Served, tenant: Tenant, request: schemas.VectorRegistration
) -> schemas.VectorRegistered:
    """Keep a vector under an id, in place of an earlier one of the same id."""
    await platform.compare.register(tenant, request.id, request.vector)
    return schemas.VectorRegistered(id=request.id, dimension=len(request.vector))


@keyed_routes.post("/api/v1/vectors/delete", tags=["compare"], responses=_errors(400, 404, 503))
async def delete_vector(platform: Served, tenant: Tenant, request: schemas.VectorId) -> schemas.VectorDeleted:
    """Forget a vector."""
    await platform.compare.delete(tenant, request.id)
    return schemas.VectorDeleted(id=request.id)


# -------------------------------------------------------------------------------------------------- classifier


@open_routes.post("/classify", tags=["classifier"], responses=_errors(400, 401, 413, 429))
async def classify(
    platform: Served,
    tenant: Tenant,
    client: Client,
    file: Annotated[UploadFile, File(description="An ASCII DXF file.")],
) -> schemas.Classification:
    """Say what kind of part a DXF file shows."""
    await _spend_classifications(platform, client, 1)
    try:
        return await _classified(platform, tenant, file)
    except ClientMistakeError as mistake:
        raise _mistaken(mistake) from mistake


@open_routes.post("/classify/batch", tags=["classifier"], responses=_errors(400, 401, 413, 429))
async def classify_batch(
    platform: Served,
    tenant: Tenant,
    client: Client,
    files: Annotated[list[UploadFile], File(description="Several ASCII DXF files.")],
) -> schemas.BatchClassification:
    """Classify several files; each counts as one request of the client's share."""
    allowed = platform.settings.classifier_batch_max_files
    if len(files) > allowed:
        message = f"a batch may have {allowed} files, this one has {len(files)}"
        raise ApiError(400, Code.INPUT_ERROR, message, stage="validate")
    await _spend_classifications(platform, client, len(files))
    results = []
    for file in files:
        name = file.filename or ""
        try:
            results.append(schemas.BatchItem(filename=name, result=await _classified(platform, tenant, file)))
        except ClientMistakeError as mistake:
            item = schemas.BatchItem(filename=name, error=mistake.message, code=Code.INPUT_ERROR.value)
            results.append(item)
    succeeded = sum(item.result is not None for item in results)
    return schemas.BatchClassification(total=len(results), succeeded=succeeded, results=results)


@admin_routes.get("/api/v1/health/classifier/cache")
async def classifier_cache(platform: Served) -> schemas.CacheStats:
    """How well the classification cache of this replica works."""
    classifier = platform.classifier
    asked = classifier.hits + classifier.misses
    return schemas.CacheStats(
        status="ok",
        size=classifier.cached_entries,
        max_size=platform.settings.classifier_cache_max_size,
        hits=classifier.hits,
        misses=classifier.misses,
        hit_ratio=classifier.hits / asked if asked else None,
    )


async def _spend_classifications(platform: Platform, client: str, count: int) -> None:
    try:
        await platform.limiter.spend("classify", client, cost=count)
    except LimitedError as error:
        platform.metrics.classification_rate_limited.inc()
        raise _too_many(error) from error


async def _classified(platform: Platform, tenant: str, file: UploadFile) -> schemas.Classification:
    content = await file.read()
    if len(content) < _IN_THREAD_FROM_BYTES:
        return platform.classifier.classify(content, tenant)
    return await asyncio.to_thread(platform.classifier.classify, content, tenant)


# ------------------------------------------------------------------------------------------------------- admin


@admin_routes.post("/admin/reset-circuit-breaker", responses=_errors(404))
async def reset_circuit_breaker(
    platform: Served, provider: Annotated[str, Query(description="Whose breaker to close.")]
) -> schemas.BreakerReset:
    """Close the circuit breaker of a provider, on all replicas."""
    name = canonical_provider(provider)
    if name not in PROVIDERS:
        message = f"no such provider; known are {', '.join(PROVIDERS)}"
        raise ApiError(404, Code.DATA_NOT_FOUND, message, stage="lookup")
    before, everywhere = await platform.reset_breaker(name)
    scope = "all_replicas" if everywhere else "this_replica"
    return schemas.BreakerReset.model_validate({"provider": name, "previous_state": before, "scope": scope})


# ------------------------------------------------------------------------------------------------------ errors


def _too_many(error: LimitedError) -> ApiError:
    headers = {"Retry-After": str(error.retry_after_seconds)}
    context = {"retry_after_seconds": error.retry_after_seconds}
    return ApiError(
        429, Code.RATE_LIMIT, str(error), severity="warning", stage="limit", context=context, headers=headers
    )


def _mistaken(mistake: ClientMistakeError) -> ApiError:
    context = {"reason": mistake.reason.value}
    return ApiError(400, Code.INPUT_ERROR, mistake.message, stage="validate", context=context)


async def _on_api_error(_: Request, error: Exception) -> Response:
    return cast("ApiError", error).response()


async def _on_http_error(_: Request, error: Exception) -> Response:
    error = cast("HTTPException", error)
    if isinstance(error.__cause__, ApiError):
        # What was raised while the body was read, wrapped by the framework into "could not parse the body".
        return error.__cause__.response()
    code = Code.DATA_NOT_FOUND if error.status_code == 404 else Code.HTTP_ERROR
    return ApiError(error.status_code, code, str(error.detail), headers=error.headers).response()


async def _on_malformed(request: Request, error: Exception) -> Response:
    if request.url.path in {"/api/compare", "/api/v1/compare"}:
        platform_of(request).compare.reject_malformed()
    # What the client sent is not repeated: it may hold numbers that JSON does not know, and it is its own business.
    problems = [
        {"type": problem["type"], "loc": list(problem["loc"]), "msg": problem["msg"]}
        for problem in cast("RequestValidationError", error).errors()
    ]
    return JSONResponse({"detail": problems}, status_code=422)


async def _on_failure(_: Request, __: Exception) -> Response:
    error = ApiError(500, Code.INTERNAL_ERROR, "the platform failed", source="system", severity="critical")
    return error.response()


# ----------------------------------------------------------------------------------------------------- process


def create_app(settings: Settings) -> ASGIApp:
    """Build the ASGI app of a replica; it connects to nothing before its lifespan starts."""
    platform = Platform(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await platform.start()
        yield
        await platform.stop()

    app = FastAPI(
        title="CAD ML Platform",
        version="1.0.0",
        description="Reads, describes, compares and classifies CAD drawings.",
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.platform = platform
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_malformed)
    app.add_exception_handler(Exception, _on_failure)
    for routes in (open_routes, keyed_routes, admin_routes):
        app.include_router(routes)
    app.mount("/metrics", make_asgi_app(platform.metrics.registry))

    wrapped: ASGIApp = SecurityHeaders(Bounds(app, settings))
    if settings.lab_directory is not None:
        wrapped = Tamper(wrapped, platform, settings.lab_directory, settings.replica)
    return wrapped


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.reference.app", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--replica", default="replica-1")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = Settings.from_environment(replica=options.replica)
    except SettingError as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 2
    if settings.lab_directory is not None:
        stuck.heed_signals()
    uvicorn.run(create_app(settings), host=options.host, port=options.port, **SERVER_OPTIONS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
