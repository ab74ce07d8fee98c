"""Loads the gate's pytest plugin; it stays idle unless live checks are collected."""

pytest_plugins = ["selfcheck.plugin"]
