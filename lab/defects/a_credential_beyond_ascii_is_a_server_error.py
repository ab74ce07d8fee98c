"""Credentials are compared as text in constant time, which raises for characters beyond ASCII."""

import hmac

from lab.breaking import Defect
from lab.defects._access import comparing
from lab.tamper import inside

DEFECT = Defect(
    breaks="a wrong credential is refused, whatever characters it has",
    caught_by=("security.compare_needs_a_key", "security.reset_needs_the_token"),
    how=inside(change=comparing(hmac.compare_digest)),
    also=("errors.*", "security.*"),
)
