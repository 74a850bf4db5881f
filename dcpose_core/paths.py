"""Where settings, imported models and caches live on this system."""

from __future__ import annotations

from pathlib import Path

import appdirs

_APPLICATION = "dcpose-annotator"


def cache_dir() -> Path:
    """Things that can be made again: frame indices of videos."""
    return Path(appdirs.user_cache_dir(_APPLICATION, appauthor=False))


def data_dir() -> Path:
    """Things the user put there: imported models."""
    return Path(appdirs.user_data_dir(_APPLICATION, appauthor=False))
