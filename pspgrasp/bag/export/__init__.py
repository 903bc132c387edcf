"""Recordings with the grasps of models, for other programs."""
