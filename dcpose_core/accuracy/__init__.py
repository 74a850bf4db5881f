"""How accurate models are on labelled sets, beside plain rivals, on clean and on spoiled frames."""

from dcpose_core.accuracy.conditions import ALL_CONDITIONS, QUICK_CONDITIONS, Condition, conditions_of
from dcpose_core.accuracy.labels import LabelledSet, load_labelled_set
from dcpose_core.accuracy.report import accuracy_json, accuracy_notes, accuracy_tables
from dcpose_core.accuracy.study import Study, measure_accuracy
from dcpose_core.accuracy.trials import Progress, StudySettings

__all__ = [
    "ALL_CONDITIONS",
    "QUICK_CONDITIONS",
    "Condition",
    "LabelledSet",
    "Progress",
    "Study",
    "StudySettings",
    "accuracy_json",
    "accuracy_notes",
    "accuracy_tables",
    "conditions_of",
    "load_labelled_set",
    "measure_accuracy",
]
