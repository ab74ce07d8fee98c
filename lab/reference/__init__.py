"""The reference platform: a small, honest implementation of the platform's interface for the lab.

`app` is one replica, `providers` the recognition engines behind it, `traffic` its light background load. They are
separate processes; all settings come from environment variables.
"""
