"""Where everything of a workspace lies: every path of it in one place."""

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """The files and folders of one workspace, whether they are there yet or not."""

    workspace: str | Path

    # --- what was seen ------------------------------------------------------------------------------

    @property
    def pool(self) -> Path:
        """Folder of the pool's blocks."""
        return Path(self.workspace, "pool")

    @property
    def pool_json(self) -> Path:
        """What the pool holds: a folder with this file is a workspace."""
        return self.pool / "pool.json"

    def images_csv(self, number: int = 0) -> Path:
        """A line for every row; it has a number where rows were changed."""
        return self.pool / f"images{_numbered(number)}.csv"

    @property
    def changes_csv(self) -> Path:
        """Images that got another name or another content."""
        return self.pool / "changes.csv"

    def features(self, block: int, generation: int = 0) -> Path:
        """Features of a block of rows; a block that was written anew has another generation."""
        return self.pool / f"features-{block:05d}{_numbered(generation)}.npy"

    def predictions(self, block: int, generation: int = 0) -> Path:
        """Source predictions of a block of rows."""
        return self.pool / f"predictions-{block:05d}{_numbered(generation)}.npy"

    def words(self, digest: str) -> Path:
        """Vectors of the words that stand for source classes; the name holds the beginning of their checksum."""
        return self.pool / f"words-{digest[:16]}.npy"

    @property
    def checked_json(self) -> Path:
        """Which blocks were found to be whole."""
        return self.pool / "checked.json"

    @property
    def skipped(self) -> Path:
        """Images that were left out, and why."""
        return Path(self.workspace, "skipped.csv")

    @property
    def boxes(self) -> Path:
        """Folder with the file of boxes that the rows of the pool are made of, and how they are."""
        return Path(self.workspace, "boxes")

    @property
    def groups(self) -> Path:
        """Which images show the same thing; people may edit it."""
        return Path(self.workspace, "groups.csv")

    @property
    def groups_written(self) -> Path:
        """The same as it was last written: what differs, somebody changed."""
        return self.pool / "groups.csv"

    @property
    def groups_next(self) -> Path:
        """The same while both are being written."""
        return self.pool / "groups-next.csv"

    @property
    def groups_json(self) -> Path:
        """How the groups were found."""
        return self.pool / "groups.json"

    @property
    def notes(self) -> Path:
        """What is to be said of images that were read."""
        return Path(self.workspace, "notes.csv")

    def other_folder(self, folder: Path) -> Path:
        """The workspace within this one that holds the pool of another folder, whose classes are predicted."""
        resolved = folder.resolve()
        digest = hashlib.sha256(str(resolved).encode("utf-8", "surrogateescape")).hexdigest()[:8]
        return Path(self.workspace, "folders", f"{resolved.name}-{digest}")

    # --- what was said ------------------------------------------------------------------------------

    @property
    def selection(self) -> Path:
        """The images to label, as a table to fill in."""
        return Path(self.workspace, "selection.csv")

    @property
    def labels(self) -> Path:
        """The record of labels."""
        return Path(self.workspace, "labels.sqlite")

    def labels_aside(self, number: int) -> Path:
        """An older record of labels, kept."""
        return Path(self.workspace, f"labels-{number}.sqlite")

    @property
    def class_list(self) -> Path:
        """The classes that were known before anybody labelled."""
        return Path(self.workspace, "classes.json")

    @property
    def token(self) -> Path:
        """What visitors of the labelling page must know; only its owner can read it."""
        return Path(self.workspace, "label.token")

    # --- what was made of both ----------------------------------------------------------------------

    @property
    def model(self) -> Path:
        """Folder of the trained classifier."""
        return Path(self.workspace, "model")

    @property
    def model_json(self) -> Path:
        """What the classifier is; it names the weights by their hash."""
        return self.model / "model.json"

    @property
    def fine_tuning(self) -> Path:
        """Folder of checkpoints, while the classifier is being trained."""
        return Path(self.workspace, "fine-tuning")

    @property
    def report(self) -> Path:
        """Folder of the report and its tables."""
        return Path(self.workspace, "report")

    @property
    def report_page(self) -> Path:
        """The report as people read it."""
        return self.report / "index.html"

    @property
    def evaluation(self) -> Path:
        """How good the classifier is on test images."""
        return self.report / "evaluation.json"

    # --- locks --------------------------------------------------------------------------------------

    @property
    def embed_lock(self) -> Path:
        """Held by the one process that writes the pool."""
        return Path(self.workspace, "embed.lock")

    @property
    def label_lock(self) -> Path:
        """Held by the one process that serves the labelling page."""
        return Path(self.workspace, "label.lock")


def _numbered(number: int) -> str:
    return f"-{number}" if number else ""
