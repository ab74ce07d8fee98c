"""No provider can be reached."""

from lab.breaking import Defect, both, proxy_down

DEFECT = Defect(
    breaks="requests succeed, and the service levels are kept",
    caught_by=(
        "slo.error_ratio",
        "slo.provider_health",
        "slo.error_budget",
        "slo.availability",
        "slo.circuit_breakers",
        "metrics.counts_ocr_success",
        "metrics.counts_vision_success",
        "health.service_ml",
    ),
    how=both(proxy_down("paddle"), proxy_down("deepseek_hf"), proxy_down("vision")),
    also=("*",),
)
