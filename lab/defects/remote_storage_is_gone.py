"""Remote storage does not answer."""

from typing import Any

from lab.breaking import Defect, prometheus_config


def _edit(document: dict[str, Any]) -> None:
    document["remote_write"] = [{"url": "http://127.0.0.1:9/write"}]


DEFECT = Defect(
    breaks="remote storage gets everything",
    caught_by=("scraping.remote_write",),
    how=prometheus_config(_edit),
)
