"""Credentials are the same in upper and lower case."""

from lab.breaking import Defect
from lab.defects._access import comparing
from lab.tamper import inside

DEFECT = Defect(
    breaks="credentials count as a whole",
    caught_by=("security.tokens_count_as_a_whole", "security.keys_count_as_a_whole"),
    how=inside(change=comparing(lambda known, given: known.lower() == given.lower())),
)
