"""Dialogs: what has to be asked or shown before something wide happens."""
