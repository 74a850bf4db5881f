"""How many joints a person still has to touch: a simulated annotator on sequences whose truth is known."""

from dcpose_core.effort.methods import PropagationSettings
from dcpose_core.effort.plots import plot_effort
from dcpose_core.effort.report import effort_json, effort_notes, effort_tables
from dcpose_core.effort.study import (
    EffortSettings,
    EffortStudy,
    Group,
    Progress,
    labelled_groups,
    measure_effort,
    synthetic_group,
)

__all__ = [
    "EffortSettings",
    "EffortStudy",
    "Group",
    "Progress",
    "PropagationSettings",
    "effort_json",
    "effort_notes",
    "effort_tables",
    "labelled_groups",
    "measure_effort",
    "plot_effort",
    "synthetic_group",
]
