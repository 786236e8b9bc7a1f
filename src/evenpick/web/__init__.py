"""The labelling page: its server, who may reach it, who looks at which image, and its JSON API."""

from .server import serve

__all__ = ["serve"]
