"""Boxes in images, as detectors, annotation tools and camera trap packages write them."""

__all__ = []
