"""How an item of the review looks: frame, person and a bar of how much is wrong, and below it the reason."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.ui import theme
from app.ui.panels.review.list_model import ITEM, ShownItem

_PAD_PX, _SWATCH_PX, _BAR_PX, _FIGURE_PX = 8, 10, 48, 34
#: So many wrong joints fill the bar.
_FULL = 8.0


class ReviewItemDelegate(QStyledItemDelegate):
    """Two lines an item. Paints by hand: a widget a row would not do for 100,000s of them."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(200, row_height(option.widget))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        widget = option.widget
        style = widget.style() if widget is not None else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, widget)
        item = index.data(ITEM)
        if not isinstance(item, ShownItem):
            return
        painter.save()
        painter.setFont(option.font)
        inside = option.rect.adjusted(_PAD_PX, 4, -_PAD_PX, -4)
        half = inside.height() // 2
        self._paint_head(painter, QRect(inside.x(), inside.y(), inside.width(), half), item)
        below = QRect(inside.x(), inside.y() + half, inside.width(), inside.height() - half)
        painter.setPen(theme.colour("muted"))
        painter.drawText(below, _LEFT, _elided(painter, item.reason, below.width()))
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.colour("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(option.rect.adjusted(0, 0, -1, -1))
        painter.restore()

    def _paint_head(self, painter: QPainter, line: QRect, item: ShownItem) -> None:
        metrics = painter.fontMetrics()
        painter.setPen(theme.colour("text"))
        frame = f"{item.frame}"
        frame_px = max(metrics.horizontalAdvance(frame), metrics.horizontalAdvance("00000"))
        painter.drawText(QRect(line.x(), line.y(), frame_px, line.height()), _LEFT, frame)
        swatch_x = line.x() + frame_px + _PAD_PX
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(item.colour))
        middle = line.y() + line.height() / 2
        painter.drawRoundedRect(QRectF(swatch_x, middle - _SWATCH_PX / 2, _SWATCH_PX, _SWATCH_PX), 2.5, 2.5)
        name_x = swatch_x + _SWATCH_PX + 6
        bar_x = line.right() - _BAR_PX - _FIGURE_PX
        painter.setPen(theme.colour("text"))
        room = QRect(name_x, line.y(), max(bar_x - name_x - _PAD_PX, 0), line.height())
        time_px = metrics.horizontalAdvance(item.time)
        name = _elided(painter, item.name, room.width())
        painter.drawText(room, _LEFT, name)
        if metrics.horizontalAdvance(name) + time_px + 2 * _PAD_PX < room.width():
            painter.setPen(theme.colour("muted"))
            painter.drawText(room, _RIGHT, item.time)
        self._paint_bar(painter, QRectF(bar_x, middle - 3, _BAR_PX, 6), item.expected_wrong)
        painter.setPen(theme.colour("text"))
        figure = QRect(line.right() - _FIGURE_PX, line.y(), _FIGURE_PX, line.height())
        painter.drawText(figure, _RIGHT, f"{item.expected_wrong:.1f}")

    def _paint_bar(self, painter: QPainter, area: QRectF, expected_wrong: float) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("state_none"))
        painter.drawRoundedRect(area, 3, 3)
        painter.setBrush(theme.colour("playhead"))
        filled = max(area.height(), area.width() * min(expected_wrong / _FULL, 1.0))
        painter.drawRoundedRect(QRectF(area.x(), area.y(), filled, area.height()), 3, 3)


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def row_height(widget: QWidget | None) -> int:
    """Two lines of the widget's font with room around them."""
    line = widget.fontMetrics().height() if widget is not None else 16
    return 2 * line + 12


def _elided(painter: QPainter, text: str, width_px: int) -> str:
    return painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width_px)
