"""The library of the self-check suite: contract, settings, verdicts, clients, analysis and reports."""

VERSION = "0.1.0"
