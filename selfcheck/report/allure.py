"""Keeps Allure's results from ending the run that they tell of: where they cannot be written, they are left out."""

from collections.abc import Callable
from typing import Any

import allure_commons
from allure_commons.logger import AllureFileLogger


def tolerate(remarks: list[str]) -> None:
    """Turn an OSError of Allure's file writer (a full disk) into one remark."""
    for plugin in allure_commons.plugin_manager.get_plugins():
        if isinstance(plugin, AllureFileLogger):
            # Allure has no setting for this, and holds on to the writer, so that it cannot be replaced as a whole.
            write = _tolerant(plugin._report_item, remarks)  # noqa: SLF001
            plugin._report_item = write  # type: ignore[method-assign] # noqa: SLF001


def _tolerant(write: Callable[[Any], None], remarks: list[str]) -> Callable[[Any], None]:
    def attempt(item: object) -> None:
        try:
            write(item)
        except OSError as error:
            remark = f"Allure results could not be written: {error.strerror or error}"
            if remark not in remarks:
                remarks.append(remark)

    return attempt
