"""Reports of load tests: as HTML for people, as Markdown for the summary of a CI run."""
