"""Tables as the docks have them: whole rows, no grid, figures of equal width."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from app.ui import theme


def plain_table(name: str, model: QAbstractItemModel, parent: QWidget, *, row_px: int) -> QTableView:
    """A table that shows `model`; name: for screen readers. Nothing in it can be edited until triggers are set."""
    table = QTableView(parent)
    table.setAccessibleName(name)
    table.setModel(model)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.setFont(theme.tabular(table.font()))
    table.verticalHeader().hide()
    table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    table.verticalHeader().setDefaultSectionSize(row_px)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return table


def set_widths(table: QTableView, fixed_px: Mapping[int, int], *, stretch: int, fitting: tuple[int, ...]) -> None:
    """One column takes what is left; those that fit look at visible rows only (`setResizeContentsPrecision`)."""
    header = table.horizontalHeader()
    header.setMinimumSectionSize(24)
    header.setResizeContentsPrecision(0)
    header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
    for column in fitting:
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
    for column, width_px in fixed_px.items():
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        table.setColumnWidth(column, width_px)
