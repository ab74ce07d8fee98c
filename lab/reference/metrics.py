"""Every metric that a replica exposes, in a registry of its own."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from lab.reference.settings import OCR_PROVIDERS, PROVIDERS

_RECOGNITION_BUCKETS_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0, 10.0, 30.0)
_CLASSIFICATION_BUCKETS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)


class Metrics:
    """The metric objects by name; labels only ever take values from closed sets."""

    def __init__(self) -> None:
        """Create all families; gauges that describe providers have their series from the start."""
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

        self.ocr_requests = Counter(
            "ocr_requests_total", "OCR requests by outcome.", ["provider", "status"], registry=registry
        )
        self.ocr_errors = Counter(
            "ocr_errors_total", "Failed OCR requests by cause.", ["provider", "code", "stage"], registry=registry
        )
        self.ocr_processing_duration = Histogram(
            "ocr_processing_duration_seconds",
            "Time that a recognition took, for requests that reached a provider.",
            ["provider"],
            buckets=_RECOGNITION_BUCKETS_SECONDS,
            registry=registry,
        )
        self.ocr_input_rejected = Counter(
            "ocr_input_rejected_total", "Uploads that were not accepted.", ["reason"], registry=registry
        )
        self.ocr_model_loaded = Gauge(
            "ocr_model_loaded", "1 when the provider has its model loaded.", ["provider"], registry=registry
        )
        self.ocr_circuit_state = Gauge(
            "ocr_circuit_state", "Breaker of a provider: 0 closed, 1 half-open, 2 open.", ["key"], registry=registry
        )
        self.ocr_error_rate_ema = Gauge(
            "ocr_error_rate_ema", "Moving average of failed OCR requests, 0 to 1.", registry=registry
        )
        self.ocr_rate_limited = Counter(
            "ocr_rate_limited_total", "OCR requests turned away by the rate limit.", registry=registry
        )

        self.vision_requests = Counter(
            "vision_requests_total", "Vision requests by outcome.", ["provider", "status"], registry=registry
        )
        self.vision_errors = Counter(
            "vision_errors_total", "Failed vision requests by cause.", ["provider", "code"], registry=registry
        )
        self.vision_processing_duration = Histogram(
            "vision_processing_duration_seconds",
            "Time that an analysis took, for requests that reached a provider.",
            ["provider"],
            buckets=_RECOGNITION_BUCKETS_SECONDS,
            registry=registry,
        )
        self.vision_input_rejected = Counter(
            "vision_input_rejected_total", "Images that were not accepted.", ["reason"], registry=registry
        )
        self.vision_error_rate_ema = Gauge(
            "vision_error_rate_ema", "Moving average of failed vision requests, 0 to 1.", registry=registry
        )

        self.compare_requests = Counter(
            "compare_requests_total", "Comparisons by outcome.", ["status"], registry=registry
        )

        self.classification_latency = Histogram(
            "classification_latency_seconds",
            "Time that the classification of one file took.",
            buckets=_CLASSIFICATION_BUCKETS_SECONDS,
            registry=registry,
        )
        self.classification_cache_hits = Counter(
            "classification_cache_hits_total", "Classifications answered from the cache.", registry=registry
        )
        self.classification_cache_miss = Counter(
            "classification_cache_miss_total", "Classifications that had to be computed.", registry=registry
        )
        self.classification_cache_size = Gauge(
            "classification_cache_size", "Entries in the classification cache.", registry=registry
        )
        self.classification_rate_limited = Counter(
            "classification_rate_limited_total", "Classifications turned away by the rate limit.", registry=registry
        )

        for provider in OCR_PROVIDERS:
            self.ocr_model_loaded.labels(provider=provider)
        for provider in PROVIDERS:
            self.ocr_circuit_state.labels(key=provider)


class ErrorRate:
    """An exponential moving average of failures, shown by a gauge."""

    def __init__(self, gauge: Gauge, alpha: float) -> None:
        """Start at 0; `alpha` is the weight of the newest request."""
        self._gauge = gauge
        self._alpha = alpha
        self.value = 0.0

    def record(self, *, failed: bool) -> None:
        """Take one request into the average."""
        self.value += self._alpha * ((1.0 if failed else 0.0) - self.value)
        self._gauge.set(self.value)
