"""An empty key is taken for a known one."""

from lab.breaking import Defect
from lab.defects._access import comparing
from lab.tamper import inside

DEFECT = Defect(
    breaks="an empty key is no key",
    caught_by=("security.compare_needs_a_key",),
    how=inside(change=comparing(lambda known, given: given in ("", known))),
)
