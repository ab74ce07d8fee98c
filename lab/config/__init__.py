"""Configuration files of the lab's servers with production timings, as templates (see `lab.configuration`)."""
