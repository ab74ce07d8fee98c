"""The lab: a reference platform with real servers around it, on loopback, as the default target of the suite."""
