"""The main window: puts the parts side by side and connects them; each part does its own work."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from PySide6.QtCore import QByteArray, QPoint, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QLabel,
    QMainWindow,
    QProgressBar,
    QSizePolicy,
    QStackedWidget,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.jobs.bridge import FrameFeed, JobFeed
from app.ui import frame_actions, menus, theme
from app.ui.actions import ActionTable
from app.ui.annotating import Annotating
from app.ui.backing_up import BackingUp
from app.ui.canvas import actions as canvas_actions
from app.ui.canvas.canvas import Canvas
from app.ui.crash import CrashReporter
from app.ui.dialogs import exchange_actions
from app.ui.keymaps import keys_in_force
from app.ui.messages import MessageBar
from app.ui.opening import PROJECT_SUFFIX, VIDEO_SUFFIXES, Opener, can_open
from app.ui.panels import track_commands
from app.ui.panels.evidence import EvidencePanel, ModelChoice
from app.ui.panels.history import HistoryPanel
from app.ui.panels.person import PersonPanel
from app.ui.panels.track_commands import TrackCommands
from app.ui.panels.tracks import TracksPanel
from app.ui.panels.trajectory import TrajectoryPanel
from app.ui.playback import Playback
from app.ui.session import Session
from app.ui.settings import Settings
from app.ui.start_page import StartPage
from app.ui.status import StatusBar
from app.ui.timeline import actions as timeline_actions
from app.ui.timeline.preview import LanePreviews
from app.ui.timeline.timeline_widget import Timeline
from app.ui.timeline.transport import Transport
from app.ui.window_actions import window_actions

#: From this width on tracks and person lie on either side of the canvas; below they share one side.
_WIDE_PX = 1500
_WARM_UP_MS = 3000
_ICON_PX = 20
_MESSAGE_MARGIN_PX = 12


class MainWindow(QMainWindow):
    """See the module."""

    def __init__(self, settings: Settings, crash: CrashReporter) -> None:
        super().__init__()
        self.setWindowTitle("DCPose Annotator")
        self.setAcceptDrops(True)
        self.setDockOptions(QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        self.settings = settings
        self.crash = crash
        self.session = Session(self)
        self.feed = FrameFeed(self)
        self.jobs = JobFeed(self)
        self.backing_up = BackingUp(self.session, self)
        self.annotating = Annotating(self.session, self.jobs, settings, self)
        self.opener = Opener(self.session, self.feed, self)
        self.opener.ask_for_video = self._ask_for_video
        self.opener.ask_for_project = self._ask_for_project
        self._restore_view()

        self.canvas = Canvas(self.session, self.feed, self)
        self.canvas.propose_pose = self.annotating.propose
        self.start_page = StartPage(self)
        self.playback = Playback(self.session, self)
        self.previews = LanePreviews(self)
        self.timeline = Timeline(self.session, self.previews, self)
        self.transport = Transport(self.session, self.playback, self)
        self.commands = TrackCommands(self.session, self.previews, self)
        self.tracks = TracksPanel(self.session, self.commands, self)
        self.evidence = EvidencePanel(self.session, self._model_choice, self)
        self.person = PersonPanel(self.session, self.evidence, self)
        self.history = HistoryPanel(self.session, self)
        self.trajectory = TrajectoryPanel(self.session, self)
        self.messages = MessageBar(self)
        self.status = StatusBar(self.session, self.annotating, self.jobs, self)
        self.setStatusBar(self.status)

        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.start_page)
        self.pages.addWidget(self.canvas)
        self.setCentralWidget(self.pages)
        self.docks = self._make_docks()
        self.table = ActionTable(self, self.canvas)
        self.table.add(window_actions(self))
        self.table.add(canvas_actions.actions(self.session, self.canvas))
        self.table.add(track_commands.actions(self.session, self.commands))
        self.table.add(frame_actions.actions(self.session))
        self.table.add(exchange_actions.actions(self.session, self.jobs, self.crash, self))
        self.table.add(
            timeline_actions.actions(
                self.session, playback=self.playback, timeline=self.timeline, transport=self.transport
            )
        )
        menus.fill_menu_bar(self.menuBar(), self.table)
        self.context_menu = menus.context_menu(self.table, self)
        self.toolbar = self._make_toolbar()
        self._opening = self._make_opening_bar()
        self.apply_keys()
        self._connect()
        self._arrange()
        self._on_document_changed()

    # -- parts

    def _make_docks(self) -> dict[str, QDockWidget]:
        timeline = QWidget(self)
        column = QVBoxLayout(timeline)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.transport)
        column.addWidget(self.timeline, 1)
        parts = {
            "tracks": ("Tracks", self.tracks),
            "person": ("Person", self.person),
            "history": ("History", self.history),
            "timeline": ("Timeline", timeline),
            "trajectory": ("Trajectory", self.trajectory),
        }
        docks = {}
        for name, (title, widget) in parts.items():
            dock = QDockWidget(title, self)
            dock.setObjectName(f"{name}Dock")
            dock.setWidget(widget)
            dock.toggleViewAction().setText(title)
            docks[name] = dock
        # Its transport says what it is; a title over it would only take room from the picture.
        docks["timeline"].setTitleBarWidget(QWidget(docks["timeline"]))
        return docks

    def _make_toolbar(self) -> QToolBar:
        bar = QToolBar("Toolbar", self)
        bar.setObjectName("toolbar")
        bar.setMovable(False)
        bar.setIconSize(QSize(_ICON_PX, _ICON_PX))
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        for name in (
            "file.open",
            "annotate.run",
            None,
            "person.add",
            "person.swap_sides",
            None,
            "edit.undo",
            "edit.redo",
            None,
            "file.export",
        ):
            if name is None:
                bar.addSeparator()
            else:
                bar.addAction(self.table.action(name))
        for name in ("person.swap_sides", "edit.undo", "edit.redo"):
            button = bar.widgetForAction(self.table.action(name))
            if isinstance(button, QToolButton):
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        room = QWidget(bar)
        room.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(room)
        for name in ("view.fit", "view.zoom_person", "view.hide", "window.full_canvas"):
            bar.addAction(self.table.action(name))
            button = bar.widgetForAction(self.table.action(name))
            if isinstance(button, QToolButton):
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        bar.addSeparator()
        bar.addAction(self.table.action("help.palette"))
        self.addToolBar(bar)
        return bar

    def _make_opening_bar(self) -> QWidget:
        """Over the canvas while the index of a video is made."""
        bar = QWidget(self)
        bar.setObjectName("card")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(bar)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        self._opening_text = QLabel(bar)
        self._opening_text.setTextFormat(Qt.TextFormat.PlainText)
        self._opening_progress = QProgressBar(bar)
        self._opening_progress.setRange(0, 1000)
        self._opening_progress.setTextVisible(False)
        self._opening_progress.setAccessibleName("Progress of opening the video")
        column.addWidget(self._opening_text)
        column.addWidget(self._opening_progress)
        bar.hide()
        return bar

    def _connect(self) -> None:
        session = self.session
        session.document_changed.connect(self._on_document_changed)
        session.message_told.connect(self._on_message)
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.setInterval(0)
        self._refresh_timer.timeout.connect(self._refresh_actions)
        # At once where a key may follow before the event loop comes round, such as redo behind undo.
        for signal in (
            session.frames_changed,
            session.selection_changed,
            session.range_changed,
            session.mode_changed,
            session.clipboard_changed,
        ):
            signal.connect(self._refresh_actions)
        for signal in (
            session.document_changed,
            session.frame_changed,
            session.view_changed,
            self.playback.playing_changed,
            self.playback.loop_changed,
            self.playback.speed_changed,
            self.annotating.progressed,
        ):
            signal.connect(self._refresh_timer.start)
        session.view_changed.connect(self._keep_view)
        self.canvas.menu_requested.connect(self._on_menu)
        self.transport.frame_entered.connect(self.canvas.setFocus)
        self.timeline.view_changed.connect(self.trajectory.set_window)
        self.person.rerun_requested.connect(self._on_rerun)
        self.evidence.failed.connect(self._on_evidence_failed)
        self.annotating.crashed.connect(self.crash.show_report)
        self.opener.busy_changed.connect(self._on_opening)
        self.opener.opened.connect(self._on_opened)
        self.feed.index_progressed.connect(lambda part: self._opening_progress.setValue(round(part * 1000)))
        self.feed.first_picture_ready.connect(self._on_first_picture)
        self.start_page.open_wanted.connect(lambda: self.table.action("file.open").trigger())
        self.start_page.folder_wanted.connect(lambda: self.table.action("file.open_folder").trigger())
        self.start_page.sample_wanted.connect(lambda: self.table.action("file.sample").trigger())
        self.start_page.path_wanted.connect(self.opener.open)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_theme)
        self._warm_up = QTimer(self)
        self._warm_up.setSingleShot(True)
        self._warm_up.timeout.connect(self.jobs.warm_up)

    # -- layout

    def _arrange(self) -> None:
        """As it was left, or as it is best on this screen."""
        geometry, docks = self.settings.layout("geometry"), self.settings.layout("docks")
        if geometry is None or not self.restoreGeometry(geometry):
            room = self.screen().availableSize()
            self.resize(min(room.width(), 1600), min(room.height(), 960))
        self.arrange_docks()
        if docks is not None:
            self.restoreState(docks)

    def arrange_docks(self) -> None:
        """The layout that the window comes with."""
        docks, wide = self.docks, self.width() >= _WIDE_PX
        area = Qt.DockWidgetArea
        for dock in docks.values():
            self.removeDockWidget(dock)
        self.setCorner(Qt.Corner.BottomLeftCorner, area.BottomDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, area.BottomDockWidgetArea)
        self.addDockWidget(area.LeftDockWidgetArea if wide else area.RightDockWidgetArea, docks["tracks"])
        self.addDockWidget(area.RightDockWidgetArea, docks["person"])
        self.addDockWidget(area.RightDockWidgetArea, docks["history"])
        if not wide:
            self.tabifyDockWidget(docks["tracks"], docks["person"])
        self.tabifyDockWidget(docks["person"], docks["history"])
        self.addDockWidget(area.BottomDockWidgetArea, docks["timeline"])
        self.addDockWidget(area.BottomDockWidgetArea, docks["trajectory"])
        self.tabifyDockWidget(docks["timeline"], docks["trajectory"])
        for name, dock in docks.items():
            dock.setVisible(name != "trajectory")
        docks["person"].raise_()
        sides = [docks["person"]] + ([docks["tracks"]] if wide else [])
        self.resizeDocks(sides, [320, 240][: len(sides)], Qt.Orientation.Horizontal)
        self.resizeDocks([docks["timeline"]], [200 if wide else 132], Qt.Orientation.Vertical)

    def set_full_canvas(self, full: bool) -> None:
        """Only the picture, on the whole screen; or everything again."""
        if full == self.is_full_canvas:
            return
        if full:
            self._before_full = (self.saveState(), self.windowState())
            for widget in (*self.docks.values(), self.toolbar, self.menuBar(), self.statusBar()):
                widget.hide()
            self.showFullScreen()
            self.canvas.setFocus()
        elif self._before_full is not None:
            state, window_state = self._before_full
            self._before_full = None
            self.setWindowState(window_state)
            for bar in (self.toolbar, self.menuBar(), self.statusBar()):
                bar.show()
            self.restoreState(state)
        self._refresh_actions()

    _before_full: tuple[QByteArray, Qt.WindowState] | None = None

    @property
    def is_full_canvas(self) -> bool:
        return self._before_full is not None

    def next_pane(self, step: int) -> None:
        """Move the keyboard to the next (1) or previous (-1) part of the window."""
        docks = [dock.widget() for dock in self.docks.values() if dock.isVisible()]
        panes = [pane for pane in (self.pages.currentWidget(), *docks, self.toolbar) if pane is not None]
        focus = self.focusWidget()
        at = next((i for i, pane in enumerate(panes) if focus is not None and _holds(pane, focus)), 0)
        for offset in range(1, len(panes) + 1):
            target = _first_for_keys(panes[(at + step * offset) % len(panes)])
            if target is not None:
                target.setFocus(Qt.FocusReason.TabFocusReason)
                return

    # -- theme and keys

    def set_theme(self, wish: theme.Wish) -> None:
        """Light, dark, or as the system has it."""
        self.settings.theme = wish
        self.apply_theme()

    def apply_theme(self) -> None:
        application = QGuiApplication.instance()
        theme.apply(application, self.settings.theme)  # type: ignore[arg-type]  # it is a QApplication
        self.table.refresh_icons()
        for part in (
            self.messages,
            self.status,
            self.start_page,
            self.tracks,
            self.person,
            self.history,
            self.trajectory,
            self.transport,
        ):
            part.refresh_theme()
        self.timeline.update()
        self.canvas.update()

    @Slot()
    def _on_system_theme(self) -> None:
        if self.settings.theme == "system":
            self.apply_theme()

    @Slot()
    def apply_keys(self) -> None:
        """Put preset and own keys of the settings in force."""
        self.table.set_keys(keys_in_force(self.table.specs.values(), self.settings.preset, self.settings.own_keys))

    @Slot()
    def _refresh_actions(self) -> None:
        self.table.refresh()

    # -- what happens

    @Slot()
    def _on_document_changed(self) -> None:
        document = self.session.document
        has = document is not None
        self.pages.setCurrentWidget(self.canvas if has else self.start_page)
        for name, dock in self.docks.items():
            dock.setEnabled(has)
            if not has:
                dock.hide()
            elif name != "trajectory" and not self._docks_shown:
                dock.show()
        if has and not self._docks_shown:
            self._docks_shown = True
            self.docks["person"].raise_()
        self.setWindowTitle(f"{document.path.name} - DCPose Annotator" if document is not None else "DCPose Annotator")
        if not has:
            self.start_page.set_recent(self.settings.recent)
        self._place_overlays()
        self._refresh_actions()

    _docks_shown = False

    @Slot(object)
    def _on_message(self, message: object) -> None:
        self.messages.show_message(message)  # type: ignore[arg-type]  # signals carry objects
        self._place_overlays()

    @Slot(object)
    def _on_opening(self, path: Path | None) -> None:
        self._opening.setVisible(path is not None)
        if path is None:
            if self.session.document is None:
                self.pages.setCurrentWidget(self.start_page)
            return
        self._opening_text.setText(f"Opening {path.name}")
        self._opening_progress.setValue(0)
        self._place_overlays()

    @Slot()
    def _on_first_picture(self) -> None:
        self.pages.setCurrentWidget(self.canvas)
        self._opening.raise_()

    @Slot(object)
    def _on_opened(self, path: Path) -> None:
        self.settings.add_recent(path)
        self.canvas.setFocus()
        self._warm_up.start(_WARM_UP_MS)
        if self.session.document is not None and self.session.document.read_only:
            self.session.tell("Open for reading only: nothing can be changed.", kind="warning")

    @Slot(QPoint)
    def _on_menu(self, where: QPoint) -> None:
        self._refresh_actions()
        self.context_menu.popup(where)

    @Slot(int, int)
    def _on_rerun(self, frame: int, track_id: int) -> None:
        document = self.session.document
        person = None if document is None else document.person(frame, track_id)
        if person is not None and person.box_xyxy is not None:
            self.annotating.rerun(frame, track_id, person.box_xyxy, drawn=False)

    @Slot(object)
    def _on_evidence_failed(self, error: Exception) -> None:
        raise error

    def _model_choice(self) -> ModelChoice:
        return ModelChoice(self.settings.model, self.settings.device)

    def close_document(self) -> None:
        """Back to the start page."""
        document = self.session.document
        if document is None:
            return
        self.playback.pause()
        self.evidence.close_video()
        self.session.set_document(None)
        self._docks_shown = False
        self.feed.close()
        self.backing_up.settle()
        document.close()
        self.backing_up.back_up_closed()

    # -- asking for files

    def _ask_for_video(self, text: str, folder: Path) -> Path | None:
        patterns = " ".join(f"*{suffix}" for suffix in VIDEO_SUFFIXES)
        name, _ = QFileDialog.getOpenFileName(self, text, str(folder), f"Videos ({patterns});;All files (*)")
        return Path(name) if name else None

    def _ask_for_project(self, suggestion: Path) -> Path | None:
        start = str(Path.home() / suggestion.name)
        name, _ = QFileDialog.getSaveFileName(self, "Where to Keep the Project", start, f"Projects (*{PROJECT_SUFFIX})")
        return Path(name) if name else None

    # -- view settings, from one day to the next

    def _restore_view(self) -> None:
        view = self.session.view
        stored = {
            one.name: self.settings.view_value(one.name, getattr(view, one.name))
            for one in fields(view)
            if one.name not in _NOT_KEPT
        }
        if stored.get("colour_mode") not in ("side", "track", "confidence", "colour_blind"):
            stored.pop("colour_mode", None)
        self.session.set_view(**stored)

    @Slot()
    def _keep_view(self) -> None:
        for one in fields(self.session.view):
            if one.name not in _NOT_KEPT:
                self.settings.set_view_value(one.name, getattr(self.session.view, one.name))

    # -- Qt

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_overlays()

    def _place_overlays(self) -> None:
        """Messages at the top of the canvas, progress of opening in its middle."""
        area = self.pages.geometry()
        width = min(720, area.width() - 2 * _MESSAGE_MARGIN_PX)
        self.messages.setFixedWidth(max(200, width))
        self.messages.adjustSize()
        self.messages.move(area.x() + (area.width() - self.messages.width()) // 2, area.y() + _MESSAGE_MARGIN_PX)
        self.messages.raise_()
        self._opening.setFixedWidth(min(360, max(200, area.width() - 40)))
        self._opening.adjustSize()
        self._opening.move(
            area.x() + (area.width() - self._opening.width()) // 2,
            area.y() + area.height() - self._opening.height() - 32,
        )
        self._opening.raise_()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.opener.open(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.is_full_canvas:
            self.set_full_canvas(False)
        if self.session.document is not None:
            self.settings.set_layout("geometry", self.saveGeometry())
            self.settings.set_layout("docks", self.saveState())
        self._warm_up.stop()
        self.opener.cancel()
        self.close_document()
        self.jobs.close()
        self.feed.close()
        self.backing_up.close()
        self.settings.sync()
        super().closeEvent(event)


#: Fields of `ViewSettings` that belong to one video, not to the user.
_NOT_KEPT = frozenset({"brightness", "contrast", "show_skeletons"})


def _holds(pane: QWidget, widget: QWidget) -> bool:
    return pane is widget or pane.isAncestorOf(widget)


def _first_for_keys(pane: QWidget) -> QWidget | None:
    """The pane itself, or the first part of it, that takes the keyboard by Tab."""
    for widget in (pane, *pane.findChildren(QWidget)):
        takes = Qt.FocusPolicy.TabFocus.value & widget.focusPolicy().value
        if takes and widget.isVisible() and widget.isEnabled():
            return widget
    return None


def _dropped(event: QDropEvent) -> Path | None:
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return next((path for path in paths if can_open(path)), None)
