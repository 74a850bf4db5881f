"""DCPose engine: from a video file to tracked, temporally refined poses. Imports neither Qt nor the application."""
