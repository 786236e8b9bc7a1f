"""What `embed` takes as images, and how: all that is said beside the folder and the source."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import unknown_name


@dataclass(frozen=True)
class EmbedOptions:
    """How images are found.

    Attributes
    ----------
    exclude : sequence of str
        Patterns as in .gitignore; what one matches is passed over.
    only : container of str, optional
        Images of other ids are passed over.
    own_range : bool
        Of files of more than 8 bits, a new workspace takes black and white from a sample of the folder.
    moved : bool
        The folder is that of the workspace, at another place; its files are compared by content.
    boxes : path, optional
        A file of boxes: each row of the pool is a box of an image. A workspace keeps a copy, and goes on with it.
    box_confidence : float, optional
        Boxes that the detector was less sure of are passed over; by default 0.2.
    box_category : sequence of str
        Boxes of other categories are passed over; by default none is.
    box_margin : float, optional
        What is seen around a box, on every side, as a share of its longer side; by default 0.1.
    pages : str, optional
        Of files with several pages or frames, the "first", the default, or "all": a row of each, `path#k`.
    without_boxes : str, optional
        What becomes of images without a box: "keep" them whole, the default, or "leave" them out.
    """

    exclude: Sequence[str] = ()
    only: Container[str] | None = None
    own_range: bool = False
    moved: bool = False
    boxes: str | Path | None = None
    box_confidence: float | None = None
    box_category: Sequence[str] = ()
    box_margin: float | None = None
    without_boxes: str | None = None
    pages: str | None = None

    @classmethod
    def from_names(cls, options: Mapping[str, Any]) -> "EmbedOptions":
        """These options; a name that is none is refused."""
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                raise unknown_name("option", name, known)
        return cls(**options)
