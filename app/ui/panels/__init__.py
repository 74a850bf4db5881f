"""Docks beside the canvas: tracks, person with evidence, history, trajectory."""
