"""Somebody switched off that the chat is told when an alert is over."""

from lab.breaking import Defect
from lab.defects.the_end_of_a_warning_is_not_told import DEFECT as IN_AN_EXPERIMENT

DEFECT = Defect(
    breaks=IN_AN_EXPERIMENT.breaks,
    caught_by=("routing.warning_ends_are_told",),
    how=IN_AN_EXPERIMENT.how,
)
