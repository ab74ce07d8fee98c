"""Where the lab's servers are installed, and what to install when they are not."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

DEBIAN_PACKAGES: Final = {
    "haproxy": "haproxy",
    "redis-server": "redis-server",
    "postgres": "postgresql",
    "initdb": "postgresql",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus-redis-exporter": "prometheus-redis-exporter",
    "prometheus-postgres-exporter": "prometheus-postgres-exporter",
}
"""Program: the Debian package that brings it."""

TOXIPROXY: Final = "toxiproxy-server"

# Other distributions and the projects' own archives name these programs without Debian's prefix.
_ALSO_NAMED: Final = {
    "prometheus-alertmanager": ("alertmanager",),
    "prometheus-redis-exporter": ("redis_exporter",),
    "prometheus-postgres-exporter": ("postgres_exporter",),
    TOXIPROXY: ("toxiproxy",),
}
# Debian keeps these out of an ordinary user's PATH.
_MORE_FOLDERS: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")


class MissingProgramsError(Exception):
    """Programs of the lab are not installed; the text lists all of them and what to install."""

    def __init__(self, missing: Iterable[str]) -> None:
        self.missing = tuple(missing)
        super().__init__(self.missing)

    def __str__(self) -> str:
        """One line a program, then the commands that install them."""
        lines = ["programs of the lab are missing:"]
        for program in self.missing:
            origin = f"Debian package {DEBIAN_PACKAGES[program]}" if program in DEBIAN_PACKAGES else "a Go program"
            lines.append(f"  {program} ({origin})")
        packages = sorted({DEBIAN_PACKAGES[program] for program in self.missing if program in DEBIAN_PACKAGES})
        if packages:
            lines.append(f"install with: apt-get install {' '.join(packages)}")
        lines.append("`make setup` installs or builds all of them where it may")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of the installed programs, by name."""

    paths: dict[str, Path]

    def __getitem__(self, program: str) -> str:
        """Give the path of a program."""
        return str(self.paths[program])


def find() -> Programs:
    """Find every program of the lab; raises MissingProgramsError that lists all that are missing."""
    found = {program: _find(program) for program in (*DEBIAN_PACKAGES, TOXIPROXY)}
    missing = [program for program, path in found.items() if path is None]
    if missing:
        raise MissingProgramsError(missing)
    return Programs({program: path for program, path in found.items() if path is not None})


def optional(program: str) -> Path | None:
    """Find a program that is of use but not needed (`promtool`, `amtool`); None when it is not installed."""
    return _find(program)


def cache_folder() -> Path:
    """Give the folder in which `make setup` leaves the programs that it builds."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "cad-ml-selfcheck" / "bin"


def _find(program: str) -> Path | None:
    if built := _newest(cache_folder().glob(f"{program}-[0-9]*")):
        return built
    if program in {"postgres", "initdb"} and (debian := _newest(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))):
        return debian
    path = os.pathsep.join([os.environ.get("PATH", ""), *_MORE_FOLDERS])
    for name in (program, *_ALSO_NAMED.get(program, ())):
        if found := shutil.which(name, path=path):
            return Path(found)
    return None


def _newest(candidates: Iterable[Path]) -> Path | None:
    """Give the executable with the highest version in its path."""
    usable = [path for path in candidates if os.access(path, os.X_OK) and path.is_file()]
    return max(usable, key=lambda path: [int(number) for number in re.findall(r"\d+", str(path))], default=None)
