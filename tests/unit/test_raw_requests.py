"""Requests that no act describes are shown as commands that send the same bytes."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from selfcheck.clients.platform import _for_printf


@pytest.mark.parametrize("content", [bytes(range(256)), b"\\0\\n%d'\"$HOME", "Ø 部品".encode(), b'{"a": 0}1', b"-n"])
def test_bytes_survive_the_shell(content: bytes) -> None:
    command = f"printf %b {shlex.quote(_for_printf(content))}"
    assert subprocess.run(["sh", "-c", command], check=True, capture_output=True).stdout == content
