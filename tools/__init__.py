"""Commands around the suite: set-up, lock file, benchmarks, detection matrix."""
