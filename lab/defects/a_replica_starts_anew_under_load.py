"""A replica does not survive load, and is started again at once."""

from lab.breaking import Defect
from lab.defects._loading import SMOKE
from lab.disturbing import replica_restarted

DEFECT = Defect(
    breaks="replicas survive load",
    caught_by=("load.replica_restarts",),
    how=replica_restarted("replica-2"),
    also=("load.*",),
    load=SMOKE,
)
