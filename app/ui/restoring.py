"""Backups for somebody who needs one: offered when a project turns out damaged, and in the File menu at any time."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from app.project.backups import backups
from app.project.restoring import copy_backup, copy_path, kept_path, project_of, put_back
from app.ui.actions import ActionSpec
from app.ui.backing_up import BackingUp
from app.ui.dialogs.backup_dialog import BackupDialog
from app.ui.dialogs.shape import open_dialog
from app.ui.opening import PROJECT_SUFFIX, Opener
from app.ui.session import Session

OFFER = "Open Backup..."


class Restoring(QObject):
    """Asks which backup, makes a project of it and opens that. close: closes the project that is shown."""

    def __init__(
        self, session: Session, opener: Opener, backing_up: BackingUp, parent: QWidget, *, close: Callable[[], object]
    ) -> None:
        super().__init__(parent)
        self._session, self._opener, self._backing_up = session, opener, backing_up
        self._window, self._close = parent, close
        opener.open_backup = self.choose

    def actions(self) -> list[ActionSpec]:
        """All specs of this part."""
        return [
            ActionSpec(
                name="file.open_backup",
                text=OFFER,
                handler=self.choose_for_shown,
                menu="File",
                tooltip="The project as it was at another time, from the copies that are kept beside it",
                icon="mdi6.backup-restore",
            )
        ]

    def choose_for_shown(self) -> None:
        """A backup of the project that is shown; without one, of a project that is asked for."""
        document = self._session.document
        if document is not None:
            self.choose(document.path)
            return
        kinds = f"Projects and backups (*{PROJECT_SUFFIX})"
        name, _ = QFileDialog.getOpenFileName(self._window, "Whose Backup?", str(Path.home()), kinds)
        if name:
            path = Path(name)
            self.choose(project_of(path) or path, backup=path)

    def choose(self, project: Path, *, damaged: bool = False, backup: Path | None = None) -> BackupDialog | None:
        """Show the backups of a project. damaged: the one that is opened takes the project's place. backup: the one
        to begin with."""
        found = backups(project)
        if not found:
            self._session.tell(
                f"There is no backup of {project.name} yet: the first one is made when something was edited.",
            )
            return None
        in_place = (damaged or not project.exists()) and os.access(project.parent, os.W_OK)
        text = _in_place_text(project) if in_place else _copy_text(project)
        begin = partial(self._put_back if in_place else self._copy, project)
        dialog = BackupDialog(found, text, begin, self._window)
        if backup is not None:
            dialog.select(backup)
        dialog.made.connect(self._open)
        return open_dialog(dialog)

    @Slot(object)
    def _open(self, path: Path) -> None:
        """Open what was made of a backup; what was told of the damage is over."""
        self._session.tell(f"{path.name} was made of a backup.")
        self._opener.open(path)

    @Slot(str)
    def tell_damage(self, error: str) -> None:
        """A part of the project that is shown, or was shown till now, could not be read."""
        document = self._session.document
        if document is not None:
            self._opener.tell_damage(error, document.path)
        else:
            self._session.tell(error, kind="error")

    def _put_back(self, project: Path, backup: Path) -> Future[Path]:
        document = self._session.document
        if document is not None and document.path == project:
            self._close()

        def work() -> Path:
            put_back(backup, project)
            return project

        return self._backing_up.run(work)

    def _copy(self, project: Path, backup: Path) -> Future[Path] | None:
        target = copy_path(backup, project)
        if not os.access(target.parent, os.W_OK):
            chosen = self._opener.ask_for_project(target)
            if chosen is None:
                return None
            target = chosen if chosen.suffix == PROJECT_SUFFIX else Path(f"{chosen}{PROJECT_SUFFIX}")

        def work() -> Path:
            copy_backup(backup, target)
            return target

        return self._backing_up.run(work)


def _in_place_text(project: Path) -> str:
    if not project.exists():
        return f"A copy of it becomes “{project.name}”, which is gone."
    return (
        f"A copy of it takes the place of “{project.name}”. The damaged file is kept beside it, "
        f"as “{kept_path(project).name}”."
    )


def _copy_text(project: Path) -> str:
    if not os.access(project.parent, os.W_OK):
        return f"A copy of it is opened; you are asked where to keep it, since {project.parent} cannot be written."
    return f"A copy of it is put beside “{project.name}” and opened. The project stays as it is."
