"""The canvas: the frame, the skeletons on it, and the tools that correct them."""
