"""The annotator's window. Empty until the window lands; the engine is `dcpose_core`, its command line `dcpose`."""
