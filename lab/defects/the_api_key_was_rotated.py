"""The API keys were changed, and this client was not told."""

from lab.breaking import Defect, environment

DEFECT = Defect(
    breaks="the API key is accepted",
    caught_by=("platform.api_key",),
    how=environment(API_KEYS="another-key-0123456789"),
    also=("metrics.*", "slo.*", "prometheus.*"),
)
