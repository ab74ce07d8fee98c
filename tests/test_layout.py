"""The repository keeps to its layout: imports go one way, nothing names this or that machine, start-up stays light."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Package: the packages of this repository that it may import, besides itself.
MAY_IMPORT = {
    "selfcheck": set(),
    "checks": {"selfcheck"},
    "chaos": {"selfcheck", "load"},
    "load": {"selfcheck"},
    "lab": {"selfcheck"},
}
OURS = {*MAY_IMPORT, "tests", "tools"}

# What costs a start-up more than it brings there; imported where it is used, if at all.
HEAVY = {"fastapi", "gevent", "hypothesis", "kubernetes", "locust", "numpy", "pandas", "PIL", "schemathesis", "scipy"}

# Package indexes and proxies, and folders of somebody's machine. Split, so that this file does not name them.
REGISTRIES = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "proxy.golang" + ".org",
    "sum.golang" + ".org",
    "npmjs" + ".org",
)
MACHINE_FOLDERS = ("/ro" + "ot/", "/ho" + "me/")


def imported_packages(source: str, package: str) -> dict[str, int]:
    """Give the top-level packages that a module imports, each with a line; relative imports are its own package."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.setdefault(alias.name.partition(".")[0], node.lineno)
        elif isinstance(node, ast.ImportFrom):
            name = package if node.level else (node.module or "")
            found.setdefault(name.partition(".")[0], node.lineno)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            # import_module("lab.app") is an import too.
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            argument = node.args[0] if node.args else None
            if called in {"import_module", "__import__"} and isinstance(argument, ast.Constant):
                found.setdefault(str(argument.value).partition(".")[0], node.lineno)
    return found


def forbidden_imports(package: str, source: str) -> dict[str, int]:
    """Give what a module of this package imports of this repository and may not, each with a line."""
    allowed = MAY_IMPORT[package] | {package}
    return {name: line for name, line in imported_packages(source, package).items() if name in OURS - allowed}


@pytest.mark.parametrize(
    ("package", "source", "seen"),
    [
        ("selfcheck", "import checks.test_health", {"checks": 1}),
        ("selfcheck", "def late():\n    from lab.ports import Ports", {"lab": 2}),
        ("selfcheck", "import importlib\nimportlib.import_module('lab.app')", {"lab": 2}),
        ("lab", "from selfcheck.waiting import wait_until\nimport chaos", {"chaos": 2}),
        ("checks", "import json, selfcheck, checks.helpers\nfrom . import lab", {}),
        ("load", "from tests.helpers import x", {"tests": 1}),
    ],
)
def test_a_wrong_import_is_seen(package: str, source: str, seen: dict[str, int]) -> None:
    assert forbidden_imports(package, source) == seen


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for name, line in forbidden_imports(package, path.read_text(encoding="utf-8")).items()
    ]
    assert wrong == []


def repository_files() -> list[Path]:
    """Give the files that are in the repository or about to be; those on disk where there is no git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        hidden = re.compile(r"(^|/)(\.(?!ci/|gitignore)|__pycache__/)")
        listed = [
            str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if not hidden.search(str(path.relative_to(ROOT)))
        ]
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def test_no_file_names_a_package_registry_or_somebodys_folders() -> None:
    wrong = []
    for path in repository_files():
        text = path.read_text(encoding="utf-8", errors="replace")
        wrong += [f"{path.relative_to(ROOT)} names {word}" for word in (*REGISTRIES, *MACHINE_FOLDERS) if word in text]
    assert wrong == []


def modules_after_collecting(target: str) -> set[str]:
    """Give the top-level modules that a pytest process has imported once it has collected a target."""
    script = (
        "import sys, pytest; code = pytest.main(['--collect-only', '-q', '-p', 'no:cacheprovider', sys.argv[1]]);"
        "print('\\nmodules', *{name.partition('.')[0] for name in sys.modules}); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, target], cwd=ROOT, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return set(done.stdout.rpartition("\nmodules ")[2].split())


@pytest.mark.parametrize("target", ["tests/test_layout.py", "checks"])
def test_heavy_packages_stay_out_of_the_start_up(target: str) -> None:
    """Their own pytest plugins would import some of them into every run."""
    assert modules_after_collecting(target) & HEAVY == set()


def test_the_makefiles_help_fits_a_terminal_and_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: (\S+)$", makefile, re.MULTILINE))
    # Under `make test` this make would think that it is a part of that one, and say so.
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    said = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True, env=alone).stdout
    assert {line.split()[0] for line in said.splitlines()[1:]} == targets
    assert all(len(line) <= 80 for line in said.splitlines())
