"""Write `requirements.lock`: every package of `pyproject.toml` and what it needs, with hashes.

`make lock` keeps the versions that are locked already and adds what is new; `make lock ARGS=--upgrade` takes the
newest of everything, `make lock ARGS="--upgrade-package httpx"` of one package. The file serves every supported Python
version. It names no package index: whoever installs uses the index of their own pip configuration, and so does this
program.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = ROOT / "requirements.lock"
HEADER: Final = "# Made from pyproject.toml by `make lock`. Do not edit.\n"

# pip's setting, and the variable by which uv takes the same; in the environment, so that no address shows up in the
# file or among the running commands.
_INDEX_SETTINGS: Final = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "cert": "SSL_CERT_FILE",
}


def pip_settings() -> dict[str, str]:
    """Give the user's own pip settings by name, wherever they are kept; the environment wins over files."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    settings: dict[str, str] = {}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in {"global", "install", ":env:"} and (section == ":env:" or name not in settings):
            settings[name] = value.strip().strip("'\"")
    return settings


def main(arguments: list[str]) -> int:
    """Write the lock file; `arguments` go to the resolver. Gives the exit code."""
    environment = dict(os.environ)
    settings = pip_settings()
    for name, variable in _INDEX_SETTINGS.items():
        if settings.get(name):
            environment.setdefault(variable, " ".join(settings[name].split()))
    # By rename, from a copy: the old file is read for the versions to keep, and stays when the resolver fails.
    fresh = LOCK.with_suffix(".lock.new")
    if LOCK.exists():
        fresh.write_bytes(LOCK.read_bytes())
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--all-extras"]
    command += ["--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links", *arguments]
    command += ["--output-file", fresh.name, "pyproject.toml"]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False, stdout=subprocess.DEVNULL)
        if done.returncode == 0:
            fresh.write_text(HEADER + fresh.read_text(encoding="utf-8"), encoding="utf-8")
            fresh.replace(LOCK)
    finally:
        fresh.unlink(missing_ok=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
