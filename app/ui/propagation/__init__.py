"""Propagation in the window: previews after a correction, the Propagate panel, and what becomes of proposals."""
