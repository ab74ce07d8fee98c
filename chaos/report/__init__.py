"""Reports of chaos runs: as HTML for people, as Markdown for a ticket."""
