"""One of two processes that generate load is killed."""

from lab.breaking import Defect
from lab.defects._loading import SMOKE
from lab.disturbing import worker_killed

DEFECT = Defect(
    breaks="a load test that lost a worker is not quietly smaller",
    caught_by=(),
    unclear=("load.generator",),
    how=worker_killed(),
    also=("load.*",),
    load={**SMOKE, "SELF_CHECK_LOAD_WORKERS": "2", "SELF_CHECK_LOAD_SECONDS": "10"},
)
