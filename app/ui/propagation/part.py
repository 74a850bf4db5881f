"""The parts of propagation put together, for the window to hang up."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.ui.actions import ActionSpec
from app.ui.canvas.canvas import Canvas
from app.ui.propagation import actions
from app.ui.propagation.deciding import Deciding
from app.ui.propagation.ghost_mouse import GhostMouse
from app.ui.propagation.ghosts import Ghosts
from app.ui.propagation.lane import ProposalLane
from app.ui.propagation.panel import PropagationPanel
from app.ui.propagation.propagating import Propagating
from app.ui.propagation.proposal_bar import ProposalBar
from app.ui.session import Session
from app.ui.settings import Settings
from app.ui.timeline.timeline_widget import Timeline


class PropagationPart(QObject):
    """Made before canvas and timeline are; `attach` adds what it has to say to them."""

    #: What can be decided, or how it is shown, is another thing now.
    changed = Signal()
    crashed = Signal(str, str)

    def __init__(self, session: Session, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.propagating = Propagating(session, settings, self)
        self.proposals = self.propagating.proposals
        self.deciding = Deciding(session, self.proposals, self)
        self.ghosts = Ghosts(session, self.proposals, self.propagating.choices, self)
        self.panel = PropagationPanel(session, self.propagating, self.deciding, parent)
        self.ghosts.changed.connect(self.changed)
        self.propagating.progressed.connect(self.changed)
        self.propagating.crashed.connect(self.crashed)

    def attach(self, canvas: Canvas, timeline: Timeline) -> None:
        """Ghosts and the bar on the picture, a lane on the timeline."""
        canvas.add_layer("persons", self.ghosts.paint_persons, below="band")  # in the place of its own
        canvas.add_layer("ghosts", self.ghosts.paint, below="band")
        self.ghosts.changed.connect(canvas.update)
        self.mouse = GhostMouse(self._session, canvas, self.ghosts, self.deciding)
        self.bar = ProposalBar(self._session, self.proposals, self.deciding, canvas, drop=self.propagating.drop)
        self.lane = ProposalLane(self.propagating, timeline)

    def actions(self, *, open_panel: Callable[[], object]) -> list[ActionSpec]:
        """All specs. open_panel: brings the panel to the front."""

        def open_and_propagate() -> None:
            open_panel()
            if self.propagating.has_wish or not self.proposals.open_places():  # else: to look at what is proposed
                self.propagating.propagate()

        return actions.actions(
            self._session, self.propagating, self.deciding, self.ghosts, open_panel=open_and_propagate
        )

    def over(self, specs: Iterable[ActionSpec], canvas: Canvas) -> list[ActionSpec]:
        """The canvas's actions, where Return and Esc decide about proposals first."""
        return actions.deciding_first(
            specs, self.deciding, drop=self.propagating.drop, is_busy=lambda: canvas.is_at_work
        )

    def warm_up(self) -> None:
        """Begin to import the engine."""
        self.propagating.warm_up()

    def close(self) -> None:
        """Stop, and let go of the video."""
        self.propagating.close()
