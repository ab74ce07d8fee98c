"""Chaos: faults that are put into a live target on purpose, watched, judged, and always taken back."""
