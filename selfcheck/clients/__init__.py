"""One typed client for each system that the suite talks to.

Every client is bounded in time and memory, retries nothing silently, and says `CouldNotObserve` with a reason
when it gets no usable answer.
"""
