"""The main window: makes the parts, puts them side by side and connects them; each part does its own work."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, QTimer, Slot
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.jobs.bridge import FrameFeed, JobFeed
from app.ui import (
    annotate_actions,
    file_actions,
    frame_actions,
    full_canvas,
    help_actions,
    history_actions,
    menus,
    theme,
    window_actions,
)
from app.ui.actions import ActionTable
from app.ui.annotating import Annotating
from app.ui.backing_up import BackingUp
from app.ui.button_keys import ButtonKeys
from app.ui.canvas import actions as canvas_actions
from app.ui.canvas.canvas import Canvas
from app.ui.crash import CrashReporter
from app.ui.dialogs import exchange_actions
from app.ui.docks import Docks, DockSpec
from app.ui.full_canvas import FullCanvas
from app.ui.keymaps import keys_in_force
from app.ui.messages import MessageBar
from app.ui.opening import Opener, can_open
from app.ui.opening_card import OpeningCard
from app.ui.over_canvas import LongEditCard, OverCanvas
from app.ui.panels import track_commands
from app.ui.panels.evidence import EvidencePanel, ModelChoice
from app.ui.panels.history import HistoryPanel
from app.ui.panels.person import PersonPanel
from app.ui.panels.review import actions as review_actions
from app.ui.panels.review.counts import ReviewCounts
from app.ui.panels.review.highlight import ReviewHighlight
from app.ui.panels.review.panel import ReviewPanel
from app.ui.panels.review.reviewing import Reviewing
from app.ui.panels.track_commands import TrackCommands
from app.ui.panels.tracks import TracksPanel
from app.ui.panels.trajectory import TrajectoryPanel
from app.ui.playback import Playback
from app.ui.propagation.part import PropagationPart
from app.ui.restoring import Restoring
from app.ui.session import Session
from app.ui.settings import Settings
from app.ui.start_page import StartPage
from app.ui.status import StatusBar
from app.ui.timeline import actions as timeline_actions
from app.ui.timeline.preview import LanePreviews
from app.ui.timeline.timeline_widget import Timeline
from app.ui.timeline.transport import Transport
from app.ui.toolbar import make_toolbar
from app.ui.view_memory import remember_view

_WARM_UP_MS = 3000
#: Two plots one above the other say nothing where the timeline has room enough.
_TRAJECTORY_PX = 240
#: Width and height that title bar and borders may take; how much they do is known only once the window is there.
_FRAME_PX = (16, 48)


class MainWindow(QMainWindow):
    """See the module. A new dock is one line in `_make_docks`, a new table of actions one in `_make_actions`."""

    def __init__(self, settings: Settings, crash: CrashReporter) -> None:
        super().__init__()
        self.setWindowTitle("DCPose Annotator")
        self.setAcceptDrops(True)
        self.setDockOptions(QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        self.settings, self.crash = settings, crash
        self.session = Session(self)
        remember_view(self.session, settings)
        self.feed, self.jobs = FrameFeed(self), JobFeed(self)
        self.backing_up = BackingUp(self.session, self)
        self.annotating = Annotating(self.session, self.jobs, settings, self)
        self.playback = Playback(self.session, self)
        self.reviewing = Reviewing(self.session, settings, self)
        self.propagation = PropagationPart(self.session, settings, self)
        self.opener = Opener(self.session, self.feed, settings, self)
        self.opener.ask_for_video = lambda text, folder: file_actions.ask_for_video(self, text, folder)
        self.opener.ask_for_project = lambda suggestion: file_actions.ask_for_project(self, suggestion)
        self.opener.import_poses = lambda path: exchange_actions.import_file(self.session, self.jobs, crash, path, self)
        self.restoring = Restoring(self.session, self.opener, self.backing_up, self, close=self.close_document)

        self.canvas = Canvas(self.session, self.feed, self)
        self.canvas.propose_pose = self.annotating.propose
        self.canvas.rerun_pose = self.annotating.rerun_in_drawn_box
        self.start_page = StartPage(self)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.start_page)
        self.pages.addWidget(self.canvas)
        self.setCentralWidget(self.pages)
        self.messages = MessageBar(self)
        self.opening = OpeningCard(self.opener, self.feed, self)
        self.editing = LongEditCard(self.session.long_edit, self)
        self.status = StatusBar(self.session, self.annotating, self.jobs, self)
        self.setStatusBar(self.status)
        self.over_canvas = OverCanvas(self.pages, self.messages, [self.opening, self.editing], self.status.hint)
        self.docks = self._make_docks()
        self.table = ActionTable(self, self.canvas)
        self._make_actions()
        self.context_menu = menus.context_menu(self.table, self)
        ReviewHighlight(self.session, self.reviewing, self.canvas)
        ReviewCounts(self.session, self.reviewing, self.timeline, self.table.action("review.begin"), self)
        self._button_keys = ButtonKeys(self)
        self._connect()
        self._arrange()
        self._on_document_changed()

    # -- parts

    def _make_docks(self) -> Docks:
        session = self.session
        self.previews = LanePreviews(self)
        self.timeline = Timeline(session, self.previews, self)
        self.transport = Transport(session, self.playback, self)
        self.commands = TrackCommands(session, self.previews, self)
        self.tracks = TracksPanel(session, self.commands, self)
        self.review = ReviewPanel(session, self.reviewing, self)
        self.evidence = EvidencePanel(session, lambda: ModelChoice(self.settings.model, self.settings.device), self)
        proposals, deciding = self.propagation.proposals, self.propagation.deciding
        self.person = PersonPanel(session, proposals, deciding, self.evidence, self)
        self.history = HistoryPanel(session, self)
        self.trajectory = TrajectoryPanel(session, self)
        timeline = _below_each_other(self.transport, self.timeline)
        specs = [
            DockSpec(name="tracks", title="Tracks", widget=self.tracks, side="left"),
            DockSpec(name="review", title="Review", widget=self.review, side="left"),
            DockSpec(name="person", title="Person", widget=self.person, side="right", front=True),
            DockSpec(name="propagation", title="Propagate", widget=self.propagation.panel, side="right", is_open=False),
            DockSpec(name="history", title="History", widget=self.history, side="right"),
            # Its transport says what it is; a title over it would only take room from the picture.
            DockSpec(name="timeline", title="Timeline", widget=timeline, side="bottom", has_title=False),
            DockSpec(
                name="trajectory",
                title="Trajectory",
                widget=self.trajectory,
                side="bottom",
                is_open=False,
                opens_with_px=_TRAJECTORY_PX,
            ),
        ]
        return Docks(self, specs)

    def _make_actions(self) -> None:
        session, settings, table = self.session, self.settings, self.table
        bars: list[QWidget] = [self.menuBar(), self.statusBar()]
        self.full_canvas = FullCanvas(self, self.canvas, bars, list(self.docks.values()))
        table.add(file_actions.actions(session, settings, self.opener, self, close=self.close_document))
        table.add(self.restoring.actions())
        table.add(history_actions.actions(session, self))
        table.add(annotate_actions.actions(session, self.annotating, settings, self))
        table.add(self.propagation.over(canvas_actions.actions(session, self.canvas), self.canvas))
        table.add(self.propagation.actions(open_panel=lambda: self.docks.open("propagation")))
        table.add(track_commands.actions(session, self.commands))
        table.add(frame_actions.actions(session, go_on=self.reviewing.go_on))
        table.add(review_actions.actions(session, self.reviewing, show_panel=lambda: self.docks.open("review")))
        table.add(exchange_actions.actions(session, self.jobs, self.crash, self))
        table.add(
            timeline_actions.actions(session, playback=self.playback, timeline=self.timeline, transport=self.transport)
        )
        table.add(self.docks.actions(enabled_when=lambda: session.document is not None))
        table.add(
            window_actions.actions(
                session, settings, self.full_canvas, next_pane=self.next_pane, set_theme=self.set_theme
            )
        )
        table.add(
            help_actions.actions(
                session,
                settings,
                table,
                self.pages,
                jobs=self.jobs,
                crash=self.crash,
                set_theme=self.set_theme,
                apply_keys=self.apply_keys,
            )
        )
        self.review.add_buttons(map(table.action, review_actions.BUTTONS))
        menus.fill_menu_bar(self.menuBar(), table)
        self.toolbar = make_toolbar(table, self)
        bars.append(self.toolbar)
        self.apply_keys()
        table.refresh_after(
            session.frames_changed,
            session.selection_changed,
            session.range_changed,
            session.mode_changed,
            session.clipboard_changed,
            session.long_edit.busy_changed,
            at_once=True,
        )
        table.refresh_after(
            session.document_changed,
            session.frame_changed,
            session.view_changed,
            self.playback.playing_changed,
            self.playback.loop_changed,
            self.playback.speed_changed,
            self.annotating.progressed,
            self.reviewing.state_changed,
            self.reviewing.current_changed,
            self.propagation.changed,
        )

    def _connect(self) -> None:
        session = self.session
        session.document_changed.connect(self._on_document_changed)
        session.message_told.connect(self.messages.show_message)
        session.frames_changed.connect(self._drop_outdated_message)
        self.canvas.menu_requested.connect(self._on_menu)
        self.transport.frame_entered.connect(self.canvas.setFocus)
        self.timeline.view_changed.connect(self.trajectory.set_window)
        self.person.rerun_requested.connect(self.annotating.rerun_in_own_box)
        self.evidence.failed.connect(_raise)
        self.crash.damage_found.connect(self.restoring.tell_damage)
        self.backing_up.damage_found.connect(self.restoring.tell_damage)
        self.annotating.crashed.connect(self.crash.show_report)
        self.propagation.crashed.connect(self.crash.show_report)
        self.propagation.attach(self.canvas, self.timeline)
        self.opener.busy_changed.connect(self._on_opening)
        self.opener.opened.connect(self._on_opened)
        self.opener.opened.connect(lambda _path: self.backing_up.back_up_closed())
        self.feed.first_picture_ready.connect(lambda: self.pages.setCurrentWidget(self.canvas))
        self.start_page.action_wanted.connect(lambda name: self.table.action(name).trigger())
        self.start_page.path_wanted.connect(self.opener.open)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_theme)
        self._warm_up = QTimer(self)
        self._warm_up.setSingleShot(True)
        self._warm_up.timeout.connect(self.jobs.warm_up)
        self._warm_up.timeout.connect(self.propagation.warm_up)

    # -- layout, theme and keys

    def _arrange(self) -> None:
        """As it was left, or as it is best on this screen."""
        geometry, docks = self.settings.layout("geometry"), self.settings.layout("docks")
        if geometry is None or not self.restoreGeometry(geometry):
            room = self.screen().availableSize()
            self.resize(min(room.width() - _FRAME_PX[0], 1600), min(room.height() - _FRAME_PX[1], 960))
        self.docks.arrange()
        if docks is not None:
            self.docks.restore(docks)

    def next_pane(self, step: int) -> None:
        """Move the keyboard to the next (1) or previous (-1) part of the window."""
        docks = [dock.widget() for dock in self.docks.values() if dock.isVisible()]
        panes = [pane for pane in (self.pages.currentWidget(), *docks, self.toolbar) if pane is not None]
        full_canvas.next_pane(panes, self.focusWidget(), step)
        self.docks.raise_holding(self.focusWidget())

    def set_theme(self, wish: theme.Wish) -> None:
        """Light, dark, or as the system has it."""
        self.settings.theme = wish
        self.apply_theme()

    def apply_theme(self) -> None:
        application = QApplication.instance()
        if isinstance(application, QApplication):
            theme.apply(application, self.settings.theme)
        self.table.refresh_icons()
        theme.refresh(self)

    @Slot()
    def _on_system_theme(self) -> None:
        if self.settings.theme == "system":
            self.apply_theme()

    @Slot()
    def apply_keys(self) -> None:
        """Put preset and own keys of the settings in force."""
        self.table.set_keys(keys_in_force(self.table.specs.values(), self.settings.preset, self.settings.own_keys))

    # -- what happens

    @Slot()
    def _on_document_changed(self) -> None:
        document = self.session.document
        self.pages.setCurrentWidget(self.canvas if document is not None else self.start_page)
        self.docks.set_available(document is not None)
        self.setWindowTitle(f"{document.path.name} - DCPose Annotator" if document is not None else "DCPose Annotator")
        self.messages.drop_outdated(None)
        if document is None:
            self.start_page.set_recent(self.settings.recent)
        self.table.refresh()

    @Slot()
    def _drop_outdated_message(self) -> None:
        document = self.session.document
        self.messages.drop_outdated(None if document is None else document.steps.n_done)

    @Slot(object)
    def _on_opening(self, path: Path | None) -> None:
        if path is None and self.session.document is None:
            self.pages.setCurrentWidget(self.start_page)

    @Slot(object)
    def _on_opened(self, path: Path) -> None:
        self.settings.add_recent(path)
        self.canvas.setFocus()
        document = self.session.document
        if document is not None and not document.tracks():
            self._warm_up.start(_WARM_UP_MS)  # what comes next, as a rule, is annotating
        if document is not None and document.read_only:
            self.session.tell("Open for reading only: nothing can be changed.", kind="warning")
        self.annotating.offer_rest()

    def stop_warm_up(self) -> None:
        """Leave the engine alone until somebody asks for it."""
        self._warm_up.stop()

    @Slot(QPoint)
    def _on_menu(self, where: QPoint) -> None:
        self.table.refresh()
        self.context_menu.popup(where)

    def close_document(self) -> None:
        """Back to the start page."""
        document = self.session.document
        if document is None:
            return
        self.playback.pause()
        self.session.set_document(None)
        self.feed.close()
        self.backing_up.settle()
        document.close()
        self.backing_up.back_up_closed()

    # -- Qt

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.opener.open(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.full_canvas.set_on(False)
        if self.session.document is not None:
            self.settings.set_layout("geometry", self.saveGeometry())
            self.settings.set_layout("docks", self.saveState())
        self.hide()  # what follows may wait for a last frame of the model, or for the disk
        self.stop_warm_up()
        self.opener.cancel()
        self.close_document()
        self.jobs.close()
        self.propagation.close()
        self.feed.close()
        self.backing_up.close()
        self.settings.sync()
        super().closeEvent(event)


def _below_each_other(top: QWidget, rest: QWidget) -> QWidget:
    both = QWidget()
    column = QVBoxLayout(both)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(top)
    column.addWidget(rest, 1)
    return both


def _raise(error: Exception) -> None:
    """Let a bug on another thread be reported as one of this thread."""
    raise error


def _dropped(event: QDropEvent) -> Path | None:
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return next((path for path in paths if can_open(path)), None)
