"""The catalogue of seeded defects: one module a defect, each with a `DEFECT` (see `lab.breaking`)."""
