"""What is installed is what is in the checkout."""

from __future__ import annotations

import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def test_every_package_is_listed_to_be_installed() -> None:
    listed = set(tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    there = {
        ".".join(folder.relative_to(_ROOT).parts)
        for top in ("app", "dcpose_core")
        for folder in (_ROOT / top, *(_ROOT / top).rglob("*"))
        if folder.is_dir() and any(folder.glob("*.py"))
    }
    assert there == listed - {"dcpose_resources"}
