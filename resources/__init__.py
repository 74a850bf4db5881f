"""Embedded models, sample clip and their licences: package data, read with `importlib.resources`."""
