"""Planar grasps from depth images: a pyramid network in the place of GG-CNN."""

__version__ = "0.1.0"
