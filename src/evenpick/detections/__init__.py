"""Boxes in images, as detectors, annotation tools and camera trap packages write them."""

from .camtrap_dp import is_camtrap_dp, read_camtrap_dp

__all__ = ["is_camtrap_dp", "read_camtrap_dp"]
