"""The window: it reads the document and submits edits, and never writes anything else."""
