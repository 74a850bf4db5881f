"""Reviewing what looks wrong: the queue as a list, the walk through it, and what of it shows on canvas and timeline."""
