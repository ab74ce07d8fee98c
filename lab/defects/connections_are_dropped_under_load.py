"""The load balancer closes every other connection without an answer."""

from lab.breaking import Defect, haproxy_config
from lab.defects._loading import SMOKE


def _edit(text: str) -> str:
    return text.replace(
        "    default_backend cad_ml_platform\n",
        "    http-request reject if { rand(2) eq 0 } { path_beg /api/v1/ocr }\n    default_backend cad_ml_platform\n",
        1,
    )


DEFECT = Defect(
    breaks="connections stay up under load",
    caught_by=("load.errors", "load.throughput"),
    how=haproxy_config(_edit),
    also=("load.*",),
    load=SMOKE,
)
