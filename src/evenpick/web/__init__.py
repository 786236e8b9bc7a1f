"""The labelling page: its server, who may reach it, who looks at which image, and its JSON API."""

from .app import serve

__all__ = ["serve"]
