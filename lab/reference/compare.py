"""Comparison of feature vectors, and the store of registered vectors."""

import functools
import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import redis.asyncio

from lab.reference.cache import Cache, CacheDownError
from lab.reference.errors import ApiError, Code
from lab.reference.metrics import Metrics
from lab.reference.schemas import CompareResult
from lab.reference.settings import Settings

METHOD: Final = "cosine"
_VERSION: Final = "v1"
_COPIES_MAX: Final = 2000


class StoreDownError(Exception):
    """The vector store cannot say what it holds."""


class Vectors:
    """Registered vectors by tenant and id, in Redis for all replicas.

    Each replica keeps copies of what it has seen. They serve while Redis is down, and take over what is registered in
    that time until Redis is back. A vector that was deleted through another replica during an outage may be served
    until the outage ends.
    """

    def __init__(self, settings: Settings, cache: Cache) -> None:
        """Start with what Redis holds."""
        self._settings = settings
        self._cache = cache
        self._copies: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self._unsaved: dict[tuple[str, str], list[float]] = {}

    async def register(self, tenant: str, name: str, vector: Sequence[float]) -> None:
        """Keep a vector, in place of an earlier one of the same name."""
        values = list(vector)
        self._copy(tenant, name, values)
        try:
            await self._save_unsaved()
            await self._write(tenant, name, values)
        except CacheDownError:
            if self._settings.redis_url is not None and len(self._unsaved) < _COPIES_MAX:
                self._unsaved[tenant, name] = values

    async def find(self, tenant: str, name: str) -> list[float] | None:
        """Give a vector, None when there is none; raises StoreDownError when that cannot be known."""
        try:
            await self._save_unsaved()
            text = await self._cache.run(lambda client: client.hget(_key(tenant), name))
        except CacheDownError as error:
            copy = self._copies.get((tenant, name))
            if copy is None and self._settings.redis_url is not None:
                raise StoreDownError(str(error)) from error
            return copy
        if text is None:
            self._copies.pop((tenant, name), None)
            return None
        vector = [float(value) for value in json.loads(text)]
        self._copy(tenant, name, vector)
        return vector

    async def delete(self, tenant: str, name: str) -> bool:
        """Forget a vector; gives whether there was one. Raises StoreDownError when it may stay."""
        held = self._copies.pop((tenant, name), None) is not None
        self._unsaved.pop((tenant, name), None)
        try:
            removed = await self._cache.run(lambda client: client.hdel(_key(tenant), name))
        except CacheDownError as error:
            if self._settings.redis_url is not None:
                raise StoreDownError(str(error)) from error
            return held
        return bool(removed)

    async def count(self) -> dict[str, int]:
        """Count the vectors of all tenants by version of their format."""
        total = 0
        try:
            for key in [_key(tenant_of(api_key)) for api_key in self._settings.api_keys]:
                total += await self._cache.run(functools.partial(_size, key))
        except CacheDownError:
            total = len(self._copies)
        return {_VERSION: total}

    async def _save_unsaved(self) -> None:
        while self._unsaved:
            tenant, name = next(iter(self._unsaved))
            await self._write(tenant, name, self._unsaved[tenant, name])
            self._unsaved.pop((tenant, name), None)

    async def _write(self, tenant: str, name: str, values: list[float]) -> None:
        text = json.dumps(values)
        await self._cache.run(lambda client: client.hset(_key(tenant), name, text))

    def _copy(self, tenant: str, name: str, values: list[float]) -> None:
        self._copies[tenant, name] = values
        self._copies.move_to_end((tenant, name))
        while len(self._copies) > _COPIES_MAX:
            self._copies.popitem(last=False)


class Compare:
    """Compares a vector with a registered one."""

    def __init__(self, settings: Settings, metrics: Metrics, vectors: Vectors) -> None:
        """Work with the given parts."""
        self._settings = settings
        self._metrics = metrics
        self._vectors = vectors

    async def compare(self, tenant: str, query: Sequence[float], candidate: str) -> CompareResult:
        """Give the cosine of the two vectors; raises ApiError with 400, 404 or 503."""
        try:
            result = await self._compare(tenant, query, candidate)
        except ApiError as error:
            self._count({400: "invalid", 404: "not_found"}.get(error.status, "error"), error)
            raise
        except Exception:
            self._count("error")
            raise
        self._count("success")
        return result

    async def register(self, tenant: str, name: str, vector: Sequence[float]) -> None:
        """Register a vector; raises ApiError with 400."""
        self._check_name(name, "id")
        self.check_vector(vector, "vector")
        await self._vectors.register(tenant, name, vector)

    async def delete(self, tenant: str, name: str) -> None:
        """Remove a vector; raises ApiError with 400, 404 or 503."""
        self._check_name(name, "id")
        try:
            found = await self._vectors.delete(tenant, name)
        except StoreDownError as error:
            raise _store_down() from error
        if not found:
            raise _not_found()

    def reject_malformed(self) -> None:
        """Count a request whose body could not even be read."""
        self._count("invalid")

    def check_vector(self, vector: Sequence[float], name: str) -> None:
        """Raise ApiError with 400 unless the vector has a direction and numbers that can be calculated with."""
        if not vector:
            raise _invalid(f"{name} is empty")
        if len(vector) > self._settings.vector_max_dimension:
            raise _invalid(f"{name} has {len(vector)} numbers, {self._settings.vector_max_dimension} are allowed")
        if not all(map(math.isfinite, vector)):
            raise _invalid(f"{name} holds a number that is not finite")
        if not any(vector):
            raise _invalid(f"{name} is all zeros and has no direction")

    async def _compare(self, tenant: str, query: Sequence[float], candidate: str) -> CompareResult:
        self._check_name(candidate, "candidate_hash")
        self.check_vector(query, "query_features")
        try:
            reference = await self._vectors.find(tenant, candidate)
        except StoreDownError as error:
            raise _store_down() from error
        if reference is None:
            raise _not_found()
        if len(reference) != len(query):
            message = f"query_features has {len(query)} numbers, the candidate has {len(reference)}"
            context = {"expected": len(reference), "actual": len(query)}
            raise ApiError(400, Code.DIMENSION_MISMATCH, message, stage="validate", context=context)
        score = cosine(query, reference)
        return CompareResult(
            similarity=score,
            score=score,
            feature_distance=1.0 - score,
            method=METHOD,
            dimension=len(query),
            reference_id=candidate,
        )

    def _check_name(self, name: str, field: str) -> None:
        if not name.strip():
            raise _invalid(f"{field} is blank")

    def _count(self, status: str, error: ApiError | None = None) -> None:
        if error is not None and error.code is Code.DIMENSION_MISMATCH:
            status = "dimension_mismatch"
        self._metrics.compare_requests.labels(status=status).inc()


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    """Give the cosine of the angle between two finite vectors of equal length that are not zero.

    Both are brought to a largest component of 1 first, so that neither 1e308 overflows nor 1e-308 vanishes; the
    products are summed exactly, and rounding cannot lead out of -1..1.
    """
    left, right = _scaled(left), _scaled(right)
    dot = math.fsum(a * b for a, b in zip(left, right, strict=True))
    return max(-1.0, min(1.0, dot / (math.hypot(*left) * math.hypot(*right))))


def tenant_of(api_key: str) -> str:
    """Give the name under which things of a key's owner are kept; the key cannot be read from it."""
    return hashlib.sha256(api_key.encode("utf-8")).hexdigest()[:16]


def _scaled(vector: Sequence[float]) -> list[float]:
    # Dividing in two steps: the reciprocal of a very small number would be infinite.
    _, exponent = math.frexp(max(map(abs, vector)))
    return [math.ldexp(value, -exponent) for value in vector]


async def _size(key: str, client: redis.asyncio.Redis) -> int:
    return int(await client.hlen(key))


def _key(tenant: str) -> str:
    return f"cad:vectors:{tenant}"


def _invalid(message: str) -> ApiError:
    return ApiError(400, Code.INPUT_VALIDATION_FAILED, message, stage="validate")


def _not_found() -> ApiError:
    return ApiError(404, Code.DATA_NOT_FOUND, "no vector is registered under this id", stage="lookup")


def _store_down() -> ApiError:
    return ApiError(
        503,
        Code.EXTERNAL_SERVICE_ERROR,
        "the vector store does not answer",
        source="system",
        stage="lookup",
        headers={"Retry-After": "1"},
    )
