"""Above five requests a second a replica answers at once that there is no service: fast, and of no use."""

from lab.breaking import Defect
from lab.defects._loading import SMOKE, above, unavailable
from lab.tamper import answers

DEFECT = Defect(
    breaks="requests are answered also when there are many",
    caught_by=("load.errors*", "load.no_server_error"),
    how=answers("/api/*", "/classify*", "/health", change=above(5, unavailable)),
    also=("load.*",),
    load=SMOKE,
)
