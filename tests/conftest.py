"""Fixtures for every test: the shared reference data, and user folders that never touch the real ones."""

from __future__ import annotations

import os
from pathlib import Path

# Before torch is imported, here and in programs that tests start: `make test` runs several tests side by side, and
# threads that wait for each other on cores that are taken make a test ten times as slow.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no bug: time goes into benchmarks.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

_REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the large reference data (parity arrays, clips), which does not travel with the repository.

    `DCPOSE_SHARED` names it; by default `shared` beside the checkout. Without it these tests skip, unless
    `DCPOSE_REQUIRE_SHARED=1` (set in CI) makes the absence an error.
    """
    folder = Path(os.environ.get("DCPOSE_SHARED", _REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        message = f"reference data not found at {folder}; set DCPOSE_SHARED"
        if os.environ.get("DCPOSE_REQUIRE_SHARED") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(autouse=True)
def _private_user_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
