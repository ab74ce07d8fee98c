"""The live checks, one module an area; run them with `make self-check` or `pytest checks`."""
