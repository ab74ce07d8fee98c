"""Classification of parts drawn in ASCII DXF files."""

import hashlib
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lab.reference.errors import ClientMistakeError, Rejection
from lab.reference.metrics import Metrics
from lab.reference.schemas import Classification
from lab.reference.settings import Settings

FILE_MAX_BYTES: Final = 5 * 1024 * 1024

# What speaks for a category: a weight for each feature, of which all lie between 0 and 1.
_WEIGHTS: Final[Mapping[str, Mapping[str, float]]] = {
    "shaft": {"lines": 2.5, "elongated": 2.5, "circles": 0.5, "arcs": -1.0},
    "flange": {"circles": 5.0, "lines": -1.0, "compact": 1.0},
    "bracket": {"lines": 2.0, "arcs": 3.0, "compact": 0.5, "circles": 0.5},
    "plate": {"lines": 2.0, "polylines": 3.0, "circles": 1.0, "compact": 1.0, "elongated": -0.5},
    "housing": {"arcs": 2.0, "circles": 1.5, "many": 4.0},
    "schematic": {"texts": 6.0, "many": 1.0, "circles": -1.0},
}
_MANY = 200


@dataclass(frozen=True, slots=True)
class Shape:
    """What a DXF file contains: entities by type, and width by height of all their points."""

    entities: Mapping[str, int]
    width: float
    height: float


class Classifier:
    """Classifies files; remembers the latest by tenant and content."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Start with an empty cache."""
        self._settings = settings
        self._metrics = metrics
        self._cache: OrderedDict[tuple[str, str], Classification] = OrderedDict()
        self.hits = 0
        self.misses = 0

    @property
    def cached_entries(self) -> int:
        """How many classifications are remembered."""
        return len(self._cache)

    def classify(self, content: bytes, tenant: str) -> Classification:
        """Classify one file; raises ClientMistakeError when it is no readable DXF file."""
        started = time.perf_counter()
        key = (tenant, hashlib.sha256(content).hexdigest())
        known = self._cache.get(key)
        if known is not None:
            self._cache.move_to_end(key)
            self.hits += 1
            self._metrics.classification_cache_hits.inc()
            result = known.model_copy(update={"cached": True})
        else:
            result = _classification(parse(content))
            self.misses += 1
            self._metrics.classification_cache_miss.inc()
            self._keep(key, result)
        self._metrics.classification_latency.observe(time.perf_counter() - started)
        return result

    def _keep(self, key: tuple[str, str], result: Classification) -> None:
        self._cache[key] = result
        while len(self._cache) > self._settings.classifier_cache_max_size:
            self._cache.popitem(last=False)
        self._metrics.classification_cache_size.set(len(self._cache))


def parse(content: bytes) -> Shape:
    """Read the entities of an ASCII DXF file; raises ClientMistakeError."""
    if not content.strip():
        raise ClientMistakeError(Rejection.EMPTY, "the file is empty")
    if len(content) > FILE_MAX_BYTES:
        raise ClientMistakeError(Rejection.TOO_LARGE, f"a DXF file may have {FILE_MAX_BYTES} bytes")
    if content.startswith(b"AutoCAD Binary DXF"):
        raise ClientMistakeError(Rejection.UNSUPPORTED_TYPE, "binary DXF is not supported, save as ASCII DXF")
    survey = _Survey()
    for code, value in _pairs(content):
        survey.take(code, value)
    if not survey.complete:
        raise ClientMistakeError(Rejection.TRUNCATED, "the DXF file ends without EOF")
    if not survey.entities:
        raise ClientMistakeError(Rejection.UNREADABLE, "the DXF file has no entities")
    return Shape(survey.entities, _span(survey.xs), _span(survey.ys))


class _Survey:
    """Goes through the pairs of group code and value, and counts what stands in the section of the entities."""

    def __init__(self) -> None:
        self.entities: Counter[str] = Counter()
        self.xs: list[float] = []
        self.ys: list[float] = []
        self.complete = False
        self._section = ""
        self._section_begins = False

    def take(self, code: int, value: str) -> None:
        if code == 0:
            self._begin(value)
        elif code == 2 and self._section_begins:
            self._section, self._section_begins = value, False
        elif self._section == "ENTITIES" and 10 <= code <= 18:
            self.xs.append(_coordinate(value))
        elif self._section == "ENTITIES" and 20 <= code <= 28:
            self.ys.append(_coordinate(value))

    def _begin(self, kind: str) -> None:
        self._section_begins = kind == "SECTION"
        if kind == "ENDSEC":
            self._section = ""
        elif kind == "EOF":
            self.complete = True
        elif self._section == "ENTITIES" and not self._section_begins:
            self.entities[kind] += 1


def _pairs(content: bytes) -> Iterator[tuple[int, str]]:
    lines = content.decode("utf-8", errors="replace").splitlines()
    for at in range(0, len(lines) - 1, 2):
        try:
            code = int(lines[at])
        except ValueError as error:
            raise ClientMistakeError(Rejection.UNSUPPORTED_TYPE, "the file is not ASCII DXF") from error
        yield code, lines[at + 1].strip()


def _coordinate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ClientMistakeError(Rejection.UNREADABLE, "the DXF file has a coordinate that is no number")
    return value


def _span(values: list[float]) -> float:
    return max(values) - min(values) if values else 0.0


def _features(shape: Shape) -> dict[str, float]:
    total = sum(shape.entities.values())

    def share(*kinds: str) -> float:
        return sum(shape.entities.get(kind, 0) for kind in kinds) / total

    longer, shorter = max(shape.width, shape.height), min(shape.width, shape.height)
    compact = shorter / longer if 0 < longer < math.inf else 0.0
    return {
        "lines": share("LINE"),
        "circles": share("CIRCLE", "ELLIPSE"),
        "arcs": share("ARC", "SPLINE"),
        "polylines": share("LWPOLYLINE", "POLYLINE"),
        "texts": share("TEXT", "MTEXT", "DIMENSION"),
        "compact": compact,
        "elongated": 1.0 - compact,
        "many": min(1.0, total / _MANY),
    }


def _classification(shape: Shape) -> Classification:
    features = _features(shape)
    scores = {
        category: math.exp(sum(weight * features[name] for name, weight in weights.items()))
        for category, weights in _WEIGHTS.items()
    }
    total = math.fsum(scores.values())
    probabilities = {category: score / total for category, score in scores.items()}
    best = max(probabilities, key=lambda category: probabilities[category])
    return Classification(category=best, confidence=probabilities[best], probabilities=probabilities, cached=False)
