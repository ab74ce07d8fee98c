"""Load: how much the platform takes, by latencies that count from when a request should have started."""
