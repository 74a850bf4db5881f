"""Work off the UI thread: jobs are generators, run by a worker that posts plain events."""
