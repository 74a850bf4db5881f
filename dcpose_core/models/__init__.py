"""Networks: backbones (image -> heatmaps), DCPose's temporal modules, and the description that travels with a model."""
