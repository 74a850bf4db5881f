"""Metrics: `poseval` (the PoseTrack benchmark), `oks`, `pck`; `evaluation` compares files, `report` shows the result.

All figures are percentages.
"""
