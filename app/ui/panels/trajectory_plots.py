"""x and y of a joint over the same frames, one plot below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal, Slot
from PySide6.QtWidgets import QWidget

from app.ui import theme
from dcpose_core.types import FloatArray, IntArray

if TYPE_CHECKING:
    from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent

#: Frames int64 `[K]` and positions float64 `[K, 2]`, nan where the line is interrupted.
Curve: TypeAlias = tuple[IntArray, FloatArray]

_AXES = ("x", "y")
_DOT_PX = 7


class TrajectoryPlots(pg.GraphicsLayoutWidget):  # type: ignore[misc]  # the library has no types
    """The model's curve thin, the human's bold. `frame_clicked(index)`: somebody wants to go there."""

    frame_clicked = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName("Trajectory of the selected joint")
        #: Of x and of y.
        self.model: list[pg.PlotDataItem] = []
        self.human: list[pg.PlotDataItem] = []
        self.lines: list[pg.InfiniteLine] = []
        self.views: list[pg.PlotItem] = []
        for row, axis in enumerate(_AXES):
            self._add_plot(row, axis)
        self.views[1].setXLink(self.views[0])
        self.scene().sigMouseClicked.connect(self._on_clicked)
        self.refresh_theme()

    def refresh_theme(self) -> None:
        """Colours of the theme in force."""
        self.setBackground(theme.colour("surface"))
        thin = pg.mkPen(theme.colour("state_model"), width=1)
        bold = pg.mkPen(theme.colour("state_human"), width=2.5)
        for model, human, line, view in zip(self.model, self.human, self.lines, self.views, strict=True):
            model.setPen(thin)
            human.setPen(bold)
            human.setSymbolBrush(theme.colour("state_human"))
            human.setSymbolPen(pg.mkPen(theme.colour("surface"), width=1))
            line.setPen(pg.mkPen(theme.colour("playhead"), width=1.5))
            for side in ("left", "bottom"):
                view.getAxis(side).setPen(theme.colour("border"))
                view.getAxis(side).setTextPen(theme.colour("muted"))

    def show_frames(self, first: int, last: int) -> None:
        """The stretch of the video to show."""
        self.views[0].setXRange(first - 0.5, last + 0.5, padding=0)

    def show_frame(self, frame: int) -> None:
        """The current frame, as a line."""
        for line in self.lines:
            line.setValue(frame)

    def draw(self, model: Curve, human: Curve) -> None:
        """The two curves, with the height that shows all of them."""
        for axis, (thin, bold, view) in enumerate(zip(self.model, self.human, self.views, strict=True)):
            thin.setData(model[0], model[1][:, axis])
            bold.setData(human[0], human[1][:, axis])
            values = np.concatenate([model[1][:, axis], human[1][:, axis]])
            values = values[np.isfinite(values)]
            if len(values):
                low, high = float(values.min()), float(values.max())
                view.setYRange(low, max(high, low + 10.0), padding=0.1)

    def _add_plot(self, row: int, axis: str) -> None:
        view = self.addPlot(row=row, col=0)
        view.setMenuEnabled(False)
        view.hideButtons()
        view.setMouseEnabled(x=False, y=False)
        view.showGrid(x=True, y=True, alpha=0.15)
        view.setLabel("left", f"{axis} (px)")
        view.getAxis("left").setWidth(64)
        if axis == "y":
            view.invertY(True)  # as on the picture
        else:
            view.getAxis("bottom").setStyle(showValues=False)
        self.model.append(view.plot(connect="finite", autoDownsample=True, downsampleMethod="peak", clipToView=True))
        # A single frame by hand has no line: its dot has to be seen.
        self.human.append(view.plot(connect="finite", symbol="o", symbolSize=_DOT_PX))
        line = pg.InfiniteLine(angle=90)
        view.addItem(line, ignoreBounds=True)
        self.lines.append(line)
        self.views.append(view)

    @Slot(object)
    def _on_clicked(self, event: MouseClickEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        position: QPointF = event.scenePos()
        for view in self.views:
            if view.sceneBoundingRect().contains(position):
                self.frame_clicked.emit(round(view.vb.mapSceneToView(position).x()))
