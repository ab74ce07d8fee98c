"""The pager's webhook is a copy of the chat's, address and all."""

from typing import Any

from lab.breaking import Defect, alertmanager_config


def _edit(document: dict[str, Any]) -> None:
    for receiver in document["receivers"]:
        for webhook in receiver["webhook_configs"]:
            webhook["url"] = webhook["url"].replace("/pager", "/chat")


DEFECT = Defect(
    breaks="what is called the pager pages",
    caught_by=("routing.critical_pages",),
    how=alertmanager_config(_edit),
)
