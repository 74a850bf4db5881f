"""The footage that propagation looks at. Only once the engine is imported: these make parts of it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from app.project.document import Document
from app.ui.settings import Settings

if TYPE_CHECKING:
    from app.jobs.footage_keeper import FootageChoice, FootageKeeper


def footage_choice(document: Document, settings: Settings) -> FootageChoice:
    """The document's video, with the model and on the device that were chosen last for annotating."""
    video = document.video
    choice: FootageChoice = import_module("app.jobs.footage_keeper").FootageChoice(
        video.path, video.fingerprint, settings.model, settings.device
    )
    return choice


def new_keeper(image_bytes: int) -> FootageKeeper:
    """See `FootageKeeper`."""
    keeper: FootageKeeper = import_module("app.jobs.footage_keeper").FootageKeeper(image_bytes)
    return keeper
