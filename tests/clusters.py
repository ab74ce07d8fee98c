"""A kubeconfig whose context `staging` leads to a server of the test's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CONTEXT = "staging"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.c2VjcmV0"


class KubeConfig:
    """A kubeconfig in a folder, in force for one test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "kubeconfig"
        monkeypatch.setenv("KUBECONFIG", str(self.path))

    def write(self, server: str, user: Any = None, **cluster: Any) -> None:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
            "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": "c", "user": "u"}}],
        }
        self.path.write_text(json.dumps(content), encoding="utf-8")
