"""The pool: features and source predictions of every unlabelled image. An index is always a row of the pool."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import IndexArray
from ..counting import counted
from ..errors import EvenpickError
from ..images import MARGIN, Part, Reading, data_address
from ..notebook import PICTURES, html_pictures, html_table
from ..paths import Paths
from ..probabilities import summarise_probabilities, summarise_views
from ..sources import SourceDescription
from .blocks import BlockArray, Features, check_finite
from .box_settings import margin_of_boxes
from .checking import check_blocks
from .groups import check_groups, given_groups, middle_of_each, numbered_groups
from .groups_file import read_groups
from .images_csv import ImageFacts, read_images_csv
from .storage import block_files, check_block_files, read_source, read_state


@dataclass(frozen=True, eq=False, repr=False)
class Pool:
    """Unlabelled images as a source model sees them.

    Attributes
    ----------
    features : float32 array or blocks of memory maps, shape (n, d)
        Feature vector of each image.
    image_ids : sequence of str, length n
        Path of each image, relative to `folder`.
    predictions : structured array of shape (n,), or None
        Entropy (nats), margin, confidence and top-1 class of the source model's probabilities; of several views also how
        much they differ.
    source : SourceDescription or None
        The source model that gave the features; None if they were given as arrays.
    folder : Path or None
        The folder of photographs, when there is one.
    groups : int array of shape (n,), or None
        Number of each image's group, in the order of their first rows: images of one group show the same thing.
        None where every image stands for itself.
    facts : ImageFacts or None
        What `images.csv` says of the rows; None in memory. See `taken`, `camera` and `part`.
    box_margin : float
        What is seen around a row that is a box, on every side, as a share of its longer side.
    """

    features: Features
    image_ids: Sequence[str]
    predictions: NDArray[np.void] | None = None
    source: SourceDescription | None = None
    folder: Path | None = None
    groups: IndexArray | None = None
    facts: ImageFacts | None = None
    box_margin: float = MARGIN

    def __post_init__(self) -> None:
        n = len(self.features)
        if self.features.ndim != 2 or not n or not self.features.shape[1]:
            raise EvenpickError(
                f"pool: features must have shape (n_images >= 1, n_features >= 1); got {self.features.shape}"
            )
        if len(self.image_ids) != n:
            raise EvenpickError(f"pool: {n} rows of features need {n} image ids; got {len(self.image_ids)}")
        if len(set(self.image_ids)) != n:
            raise EvenpickError("pool: image ids must differ; at least two are equal")
        if isinstance(self.features, np.ndarray):
            check_finite(self.features)
        if self.predictions is not None and len(self.predictions) != n:
            raise EvenpickError(f"pool: {n} images need {n} predictions; got {len(self.predictions)}")
        if self.groups is not None:
            check_groups(self.groups, n)

    @classmethod
    def from_arrays(
        cls,
        features: ArrayLike,
        probabilities: ArrayLike | None = None,
        image_ids: Sequence[str] | None = None,
        groups: Iterable[object] | None = None,
    ) -> "Pool":
        """A pool in memory.

        Parameters
        ----------
        features : array of shape (n, d)
            Finite numbers; kept as float32.
        probabilities : array of shape (n, n_source_classes), optional
            Class probabilities of the source model, each row summing to 1. Without them only
            acquisition functions that need no predictions can be used. Those of several views, or several models with
            the same classes, have the shape (n, n_views, n_source_classes).
        image_ids : sequence of str, optional
            By default the row numbers.
        groups : sequence of length n, optional
            The group of each image, by numbers or names of any kind. Images of one group show the same thing,
            such as a burst. By default every image stands for itself.

        Raises
        ------
        EvenpickError
            If shapes do not fit, features are not finite, rows do not sum to 1 or an image has no group.
        """
        values = np.ascontiguousarray(features, dtype=np.float32)
        predictions = None
        if probabilities is not None:
            given = np.asarray(probabilities)
            predictions = summarise_views(given) if given.ndim == 3 else summarise_probabilities(given)
        ids = [str(i) for i in range(len(values))] if image_ids is None else [str(i) for i in image_ids]
        numbered = None if groups is None else given_groups(groups, len(values))
        return cls(values, ids, predictions, groups=numbered)

    @classmethod
    def open(cls, workspace: str | Path) -> "Pool":
        """The pool of a workspace, its features memory-mapped.

        Raises
        ------
        EvenpickError
            If the workspace has no pool, is of another version, files are missing or cut short, or `groups.csv` is wrong.
        """
        state = read_state(Path(workspace))
        if not state["blocks"]:
            raise EvenpickError(f"workspace '{workspace}' holds no image yet: run `evenpick embed` on it")
        paths = Paths(workspace)
        files = [block_files(paths, number, block) for number, block in enumerate(state["blocks"])]
        source, predictions = read_source(paths, state), None
        for number, block in enumerate(state["blocks"]):
            check_block_files(paths, number, block, state["feature_size"], source)
        check_blocks(workspace, all_of_them=False)
        rows = [block["rows"] for block in state["blocks"]]
        features = BlockArray([file["features"] for file in files], rows, state["feature_size"])
        if source.has_predictions:
            predictions = np.concatenate([np.load(file["predictions"], allow_pickle=False) for file in files])
        images = read_images_csv(paths, state)
        ids, facts = [row.image for row in images], ImageFacts.of(images)
        groups = read_groups(paths, ids)
        return cls(
            features,
            ids,
            predictions,
            source,
            Path(state["folder"]) if state["folder"] else None,
            groups,
            facts,
            margin_of_boxes(paths),
        )

    def __repr__(self) -> str:
        said = [f"pool of {len(self):,} images, {self.features.shape[1]:,} features each"]
        if self.groups is not None:
            sizes = np.bincount(self.groups)
            said.append(
                f"{sizes[sizes > 1].sum():,} images in {(sizes > 1).sum():,} groups that show the same thing each"
            )
        if self.source is not None:
            said.append(f"source: {self.source!r}")
        if self.folder is not None:
            said.append(f"folder: '{self.folder}'")
        return "\n".join(said)

    def _repr_html_(self) -> str:
        first, *more = (line for line in repr(self).splitlines() if not line.startswith("source: "))
        more += [f"source: {self.source.name}"] if self.source else []
        there = np.arange(len(self)) if self.present is None else np.flatnonzero(self.present)
        shown = there[np.linspace(0, len(there) - 1, min(PICTURES, len(there))).astype(np.intp)]
        return html_table(first, [[line] for line in more]) + self.pictures(shown)

    def pictures(self, rows: Sequence[int] | IndexArray, captions: Sequence[str] | None = None) -> str:
        """The first twelve of these rows as HTML, under captions or names; nothing where there are no photographs."""
        if self.folder is None:
            return ""
        shown = [int(row) for row in rows[:PICTURES]]
        names = [self.image_ids[row] for row in shown] if captions is None else captions
        return html_pictures((name, data_address(self.part(row))) for name, row in zip(names, shown, strict=False))

    def __len__(self) -> int:
        return len(self.features)

    def take(self, rows: ArrayLike) -> "Pool":
        """The pool of these rows only, in memory."""
        index = np.asarray(rows)
        predictions = None if self.predictions is None else self.predictions[index]
        ids = np.asarray(self.image_ids, dtype=object)[index].tolist()
        groups = None if self.groups is None else numbered_groups(self.groups[index].tolist())
        facts = None if self.facts is None else self.facts.take(np.arange(len(self))[index].tolist())
        return Pool(
            np.asarray(self.features[index]), ids, predictions, self.source, self.folder, groups, facts, self.box_margin
        )

    @cached_property
    def representatives(self) -> IndexArray:
        """One row of each group, the one in the middle of what is there of it, ascending; every row without groups."""
        if self.groups is None:
            return np.arange(len(self))
        there = np.ones(len(self), bool) if self.present is None else self.present
        gone = np.bincount(self.groups, there) == 0  # the whole group
        return middle_of_each(self.groups, np.flatnonzero(there | gone[self.groups]))

    def same_group(self, row: int) -> IndexArray:
        """The rows of this row's group, itself among them, ascending."""
        if self.groups is None:
            return np.array([row])
        order, starts = self._by_group
        group = self.groups[row]
        return order[starts[group] : starts[group + 1]]

    @cached_property
    def _by_group(self) -> tuple[IndexArray, IndexArray]:
        """The rows, group after group, and where each group begins."""
        assert self.groups is not None
        starts = np.concatenate([[0], np.cumsum(np.bincount(self.groups))]).astype(np.intp)
        return np.argsort(self.groups, kind="stable"), starts

    @cached_property
    def files(self) -> Sequence[str]:
        """The file of each row: its path below the folder, which is the id unless only a part of it is shown."""
        if self.facts is None:
            return self.image_ids
        return [file or image for file, image in zip(self.facts.file, self.image_ids, strict=True)]

    def part(self, row: int) -> Part:
        """The file of a row and which part of it is meant: all that opens pixels of a row begins with this.

        Raises
        ------
        EvenpickError
            If the pool has no folder of photographs, or the file lies outside it.
        """
        name = self.files[row]
        if self.folder is None:
            raise EvenpickError(
                "the pool has features only: what needs the images needs a folder that `embed` has seen"
            )
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise EvenpickError(f"image '{name}' is not in the folder")
        text = "" if self.facts is None else self.facts.part[row]
        return Part.from_text(self.folder / name, text, self.box_margin, self._reading)

    @cached_property
    def _reading(self) -> Reading:
        """As the source read the files, but in full size: people and further training see the same pixels."""
        return replace(self.source.preprocessing.reading, enough=None) if self.source else Reading()

    @cached_property
    def present(self) -> NDArray[np.bool_] | None:
        """Which files were there when `embed` last looked (n,); None if all were."""
        if self.facts is None or not any(self.facts.gone):
            return None
        return np.array([not gone for gone in self.facts.gone])

    @property
    def taken(self) -> Sequence[str] | None:
        """When each photograph was taken, as its camera wrote it (ISO 8601); empty where it is not known."""
        return None if self.facts is None else self.facts.taken

    @property
    def camera(self) -> Sequence[str] | None:
        """Make, model and serial number of the camera of each image; empty where they are not known."""
        return None if self.facts is None else self.facts.camera

    @property
    def entropy(self) -> NDArray[np.float32]:
        """Entropy of the source probabilities, in nats; shape (n,)."""
        return self._prediction("entropy")

    @property
    def margin(self) -> NDArray[np.float32]:
        """Largest minus second largest source probability; shape (n,)."""
        return self._prediction("margin")

    @property
    def confidence(self) -> NDArray[np.float32]:
        """Largest source probability; shape (n,)."""
        return self._prediction("confidence")

    @property
    def source_class(self) -> NDArray[np.int32]:
        """Top-1 source class; shape (n,)."""
        return self._prediction("source_class")

    @property
    def variation_ratio(self) -> NDArray[np.float32]:
        """Share of the views whose top-1 class is not the most frequent one; shape (n,)."""
        return self._of_views("variation_ratio")

    @property
    def mutual_information(self) -> NDArray[np.float32]:
        """Entropy of the mean of the views' probabilities less their mean entropy, in nats; shape (n,)."""
        return self._of_views("mutual_information")

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of each image id."""
        return {image_id: i for i, image_id in enumerate(self.image_ids)}

    def _prediction(self, name: str) -> NDArray[Any]:
        if self.predictions is None:
            why = (
                f"its source '{self.source.name}' is an encoder without classes, so it has"
                if self.source
                else "it was made without probabilities, so it has"
            )
            raise EvenpickError(
                f"pool: {why} no source predictions, which this acquisition function needs; "
                "choose 'auto', 'core_set' or another one that asks for none, or give it 100 clusters as classes: NAME@100"
            )
        return np.asarray(self.predictions[name])

    def _of_views(self, name: str) -> NDArray[Any]:
        if self.predictions is None or name not in (self.predictions.dtype.names or ()):
            raise EvenpickError(
                "pool: it has no source predictions of several views or sources, which this acquisition function needs; embed with "
                "--views 4 and a source with classes, or with two sources of the same classes, into a new workspace, or choose "
                "'auto'"
            )
        return np.asarray(self.predictions[name])


def groups_in_words(pool: Pool) -> str:
    """How many images are in groups; empty if every image stands for itself."""
    if pool.groups is None:
        return ""
    sizes = np.bincount(pool.groups)
    groups = counted(int((sizes > 1).sum()), "group that shows", "groups that show")
    return f"{counted(int(sizes[sizes > 1].sum()), 'image')} in {groups} the same thing each"
