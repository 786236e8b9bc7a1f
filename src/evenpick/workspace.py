"""A workspace from Python: what each command does, as a method that returns what it found and prints nothing."""

import operator
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._version import __version__
from .errors import EvenpickError, unknown_name
from .labels import (
    BY_DEFAULT,
    DEFAULTS,
    FORMS,
    SETTLED,
    FileResult,
    ImportOptions,
    LabelStore,
    RecordedLabels,
    TableOptions,
    UnknownImagesError,
    export_file,
    have_been_asked_for,
    import_file,
    is_imported,
    read_labels,
    recorded_labels,
    said_of,
    set_aside,
    undo_last_import,
    write_selection,
)
from .machine import Progress, Run, map_in_threads
from .paths import Paths
from .pool import (
    Embedded,
    EmbedOptions,
    Pool,
    check_blocks,
    check_grouping,
    embed,
    embedded_already,
    forget_other_boxes,
    group_as,
    group_images,
    group_means,
    kept_words,
    limits_of,
    options_for_other,
    overlap_with_labels,
    pool_of_files,
    read_skipped,
    rows_of_files,
    take_features,
)
from .progress import bar, named_bars
from .results import Found, Predictions, Selection, Simulated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .acquisition import AcquisitionFunction
    from .arrays import IndexArray
    from .reports import Diagnosis, Status
    from .session import RecordedSession
    from .sources import SourceDescription, SourceModel, WordClasses
    from .training import Evaluation, FineTuningOptions, Model, SourceComparison

# What a method needs beyond pool and labels is imported inside it, so that most commands load little more.

TAKES_LONG = 3.0  # seconds, after which `label` says that it is at work


class Workspace:
    """A folder of its own beside your images, and what every command of evenpick does with it.

    Every method can be run again: done work is not done twice. What a user can mend is raised as `EvenpickError`, in
    one line. Files may be given as str or Path.

    Parameters
    ----------
    path : str or Path
        The folder; `embed` makes it.

    Examples
    --------
    >>> work = Workspace("work")  # doctest: +SKIP
    >>> work.embed("photos")  # doctest: +SKIP
    >>> work.label(budget=200)  # doctest: +SKIP
    >>> work.train()  # doctest: +SKIP
    >>> work.status()  # doctest: +SKIP
    """

    def __init__(self, path: str | Path) -> None:
        self.path: Path = Path(path)
        self.paths: Paths = Paths(path)

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r})"

    @property
    def pool(self) -> Pool:
        """What was seen of every image; see `Pool.open`."""
        return Pool.open(self.path)

    @property
    def labels(self) -> RecordedLabels:
        """The labels that stand: their rows of the pool, names and image ids, and what was skipped."""
        return recorded_labels(self.path, self.pool)

    @property
    def model(self) -> "Model":
        """The classifier that `train` made; see `Model.load`."""
        from .training import Model

        return Model.load(self.paths.model)

    def embed(
        self,
        folder: str | Path,
        source: "SourceModel | str | Sequence[SourceModel | str]" = "efficientnet_lite0",
        *,
        reduced_jpeg: bool = False,
        fit: str | None = None,
        views: int | None = None,
        group_by: str | None = None,
        gap: float | None = None,
        reading: Mapping[str, Any] | None = None,
        class_names: str | Path | Sequence[str] | None = None,
        text_encoder: str | None = None,
        prompts: Sequence[str] = (),
        ray: str | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Embedded:
        """Look at every image below a folder with a source model (the long part; stopped, it goes on).

        Parameters
        ----------
        folder : str or Path
        source : SourceModel or str, or a sequence of them
            See `evenpick sources`. Several look at each image side by side; "A+B" says the same.
        reduced_jpeg : bool
            Decode large JPEG files at a part of their size: faster, not quite the same.
        fit : str, optional
            What the network sees of an image that is no square: "crop", its centre, or all of it, by "squash" or "pad";
            by default as the source was trained.
        views : int, optional
            How many parts of each image are seen, 1 to 8: features are their mean, how much their source predictions
            differ is kept, and the network takes as many times as long; by default 1.
        group_by : str, optional
            Which images show the same thing: "auto" (taken within the gap, and alike), "time", "folder",
            FILE.csv:COLUMN, a regular expression on paths, or "none"; by default as before, at first "auto".
        gap : float, optional
            Seconds between two photographs of a group; by default as before, at first 60.
        reading : mapping, optional
            How files are decoded: `bands` of a TIFF with more than three, `depth`, the values of more than 8 bits that
            are black and white, and `max_pixels`; see `docs/formats.md`.
        class_names : path or sequence of str, optional
            Words that stand for the source's classes: a file with one a line, or the names. By default as before.
        text_encoder : str, optional
            The other half of a CLIP-like source, `onnx:FILE`; by default as before, at first `text_model.onnx` beside the
            source's file. It is kept, with its whole path and a hash, to find images by words too.
        prompts : sequence of str
            What each class name stands in, at `{}`, and what is looked for; by default "a photo of a {}" for names, and
            nothing for what is looked for.
        ray : str, optional
            Address HOST:PORT of a Ray cluster to work on, or "local".
        progress : callable
            Told the images done now, and in all; by default a bar in a terminal and in a notebook, and none elsewhere.
        **options
            Which images are found, and how: the fields of `EmbedOptions`, such as `exclude`.

        Returns
        -------
        Embedded
            The pool, how many images were done now, and those left out with their reasons.

        Raises
        ------
        EvenpickError
            If the folder has no image that can be read, the workspace is of another folder or source, another
            process is writing it, the disk is full (what was done is kept), or images cannot be grouped so.
        """
        from .images import Preprocessing
        from .sources import SourceModel, with_encoder_beside

        against = ""
        check_grouping(self.path, group_by, gap)  # before the long part

        def seen_as(own: Preprocessing) -> Preprocessing:
            own = own.read_with(reading or {})
            own = replace(
                own, reduced_jpeg=reduced_jpeg or own.reduced_jpeg, views=own.views if views is None else views
            )
            return own.fitted(fit) if fit else own

        several = [source] if isinstance(source, str | SourceModel) else source
        model = SourceModel.side_by_side(several, seen_as)
        if class_names is not None or text_encoder or prompts:
            model.check_takes_words()
            model = model.with_words(_words_of(self.path, model.name, class_names, text_encoder, prompts))
        elif kept_words(self.path) is None:
            model, against = with_encoder_beside(model)
        options = {"own_range": True, **options}
        with _run_on(ray, Path(folder)) as run, bar(progress, "embedding", "images") as move:
            done = embed(self.path, folder, model, move, EmbedOptions.from_names(options), run)
        if done.pool.source:  # the range of depth is that of the pool
            model = replace(model, preprocessing=done.pool.source.preprocessing)
        group_images(self.path, done.pool, model, group_by, gap)
        return replace(done, pool=self.pool, said=[*done.said, *([against] if against else [])])

    def take_features(
        self,
        features: str | Path,
        ids: str | Path,
        probabilities: str | Path | None = None,
        folder: str | Path | None = None,
    ) -> Pool:
        """Make the pool of features from elsewhere, in place of `embed`; what needs no pixels works.

        Parameters
        ----------
        features : str or Path
            A .npy, .npz or .parquet file of numbers, a row for each image.
        ids : str or Path
            CSV that names the image of each row in its column `image`.
        probabilities : str or Path, optional
            Class probabilities of a source model, as `features`.
        folder : str or Path, optional
            Where the images lie, if they are files.

        Raises
        ------
        EvenpickError
            If a file cannot be read so, shapes do not fit, ids are missing or equal, or there is another pool.
        """
        return take_features(self.path, features, ids, probabilities, folder)

    def diagnose(self) -> "Diagnosis":
        """Say how well the source model knows these images, and which methods follow from it; changes nothing."""
        from .reports import diagnose

        return diagnose(self.path)

    def find(self, words: str, count: int = 20) -> Found:
        """Find the images that are nearest to words, labelled or not; changes nothing.

        Parameters
        ----------
        words : str
            What is looked for, such as "a lynx in snow": as it is, or in the prompts that `embed` was told.
        count : int
            Images at most.

        Raises
        ------
        EvenpickError
            If the source is not of a pair with a text encoder that is there, or that knows nothing of these words.
        """
        import numpy as np

        from .session import WordSearch

        try:
            most = 0 if isinstance(count, bool) else operator.index(count)
        except TypeError:
            most = 0
        if most < 1:
            raise EvenpickError(f"the number of images to find must be a whole number from 1; got {count!r}")
        pool = self.pool
        there = np.arange(len(pool)) if pool.present is None else np.flatnonzero(pool.present)
        rows = WordSearch(pool).nearest(words, there)[:most]
        return Found(rows, [pool.image_ids[row] for row in rows], words, pool)

    def select(
        self,
        budget: int,
        acquisition: str = "auto",
        random_state: int = 0,
        *,
        out: str | Path | None = None,
        ray: str | None = None,
    ) -> Selection:
        """Choose the images to label, once for the whole budget, and write them as a CSV to fill in.

        A later `label` that has asked for nothing yet goes on with this acquisition and seed, and with this budget on top of
        the labels that are there, unless it is told others; with a file of your own (`out`) it does not.

        Parameters
        ----------
        budget : int
            Images to choose, of those without an answer.
        acquisition : str
            A name of `ACQUISITIONS`, or "auto".
        random_state : int
        out : str or Path, optional
            The file, by default selection.csv in the workspace.
        ray : str, optional
            As in `embed`.

        Raises
        ------
        EvenpickError
            If the file exists and its labels are not imported; if the budget does not fit, or there is no such function.
        """
        from .acquisition import select_more

        pool, file = self.pool, Path(out or self.paths.selection)
        if file.exists() and not is_imported(self.path, file):
            raise EvenpickError(
                f"'{file}' exists, and the record does not hold labels of it: fill it in and import it, move it, or say --out"
            )
        labels = recorded_labels(self.path, pool)
        with _acquisition_on(ray, acquisition, self.path) as choose:
            order = select_more(pool, labels.answered, budget, choose, random_state)
        if file.resolve() == self.paths.selection.resolve():
            in_all = len(labels.seen.names) + budget
            self._settle({"budget": in_all, "acquisition": acquisition, "random_state": random_state})
        write_selection(file, pool, order)
        return Selection(order, [pool.image_ids[row] for row in order], file, pool)

    def label(
        self,
        budget: int | None = None,
        *,
        annotator: str | None = None,
        restart: bool = False,
        announce: Callable[[str], None] = print,
        **options: Any,
    ) -> None:
        """Serve the labelling page until it is stopped (Ctrl+C); every answer is kept at once.

        Parameters
        ----------
        budget : int, optional
            Labels in all; needed the first time, unless `select` was told it.
        annotator : str, optional
            Who labels, unless the page is told another name; by default your login.
        restart : bool
            Begin again; the old labels are kept aside.
        announce : callable
            Told in words what happens: where old labels are kept, that it takes long, and the page's address.
        **options
            `acquisition`, `balancing`, `patience`, `random_state`, `one_by_one`, `audit` of `Session`; `host`, `port`, `token`,
            `url`, `repeat` (people asked for each image), `show_target`, `guesses` (of the class, from the second round on),
            `classes` (a file), `closed` (no others) and `open_browser` of the page.

        Raises
        ------
        EvenpickError
            If options contradict those of earlier answers, the port is taken, or another process labels it.
        """
        from .web import serve

        waiting = threading.Timer(TAKES_LONG, announce, ["Preparing the images; among many this takes a while ..."])

        def tell(session: "RecordedSession") -> None:
            waiting.cancel()
            for said in filter(None, (_taken_over(session), _about_draws(session))):
                announce(said)

        waiting.start()
        try:
            check_blocks(self.path)
            pool = self.pool
            if restart and (kept := set_aside(self.path)):
                announce(f"The old labels are kept in '{kept}'.")
            serve(self.path, pool, budget, annotator=annotator or _login(), announce=announce, first=tell, **options)
        finally:
            waiting.cancel()

    def review(self, *, annotator: str | None = None, announce: Callable[[str], None] = print, **options: Any) -> None:
        """Serve the page that shows every answer, until it is stopped: change, merge, split and rename there.

        Parameters
        ----------
        annotator, announce
            As in `label`.
        **options
            `host`, `port`, `token`, `url` and `open_browser` of the page.

        Raises
        ------
        EvenpickError
            If there is no answer yet, the port is taken, or another process labels the workspace.
        """
        from .web import serve

        serve(
            self.path,
            self.pool,
            self._budget_now,
            annotator=annotator or _login(),
            announce=announce,
            page="review",
            **options,
        )

    def audit(
        self, labels: int, *, annotator: str | None = None, announce: Callable[[str], None] = print, **options: Any
    ) -> None:
        """Serve the labelling page, which asks for images drawn at random until there are so many audit labels in all.

        Run again, it goes on; fewer than there are already end it. The budget grows where it has no room for them.

        Parameters
        ----------
        labels : int
            Audit labels in all.
        annotator, announce
            As in `label`.
        **options
            `host`, `port`, `token`, `url`, `repeat` and `open_browser` of the page.

        Raises
        ------
        EvenpickError
            If there is no answer yet, there are not so many images without one, or another process labels the workspace.
        """
        from .web import serve

        def draw(session: "RecordedSession") -> None:
            budget, had = session.settings["budget"], session.session.audit_labels
            session.draw_audit(labels)
            said = f"{had} of {labels} audit labels are there."
            if session.settings["budget"] > budget:
                said += f" The budget grows from {budget} to {session.settings['budget']} labels."
            announce(said)

        check_blocks(self.path)
        pool, budget = self.pool, self._budget_now
        serve(self.path, pool, budget, annotator=annotator or _login(), announce=announce, first=draw, **options)

    @property
    def _budget_now(self) -> int:
        """That of the session, or as many as there are labels where none has begun."""
        recorded = self.labels
        if not len(recorded.answered):
            raise EvenpickError(f"workspace '{self.path}' has no answer yet: label or import some first")
        return max(len(recorded.seen.names), (recorded.settings or {}).get("budget") or 1)

    def import_labels(
        self,
        file: str | Path,
        annotator: str = "imported",
        split: str | None = None,
        *,
        image_column: str | None = None,
        label_column: str | None = None,
        skip_unknown: bool = False,
        replace: bool = False,
        one_spelling: bool = False,
    ) -> FileResult:
        """Take labels from a table, an export of Label Studio or a folder `class/image`.

        Parameters
        ----------
        file : str or Path
        annotator : str
            Who gave them, if the file does not say.
        split : str, optional
            Take only the rows whose `split` column says this, or the class folders in this folder.
        image_column, label_column : str, optional
            The names of these columns, where the table does not tell by itself.
        skip_unknown : bool
            Pass over images that are not in the pool, and count them.
        replace : bool
            Take back labels that say something else, whoever gave them.
        one_spelling : bool
            Make class names one that differ only in case, blanks or punctuation.

        Raises
        ------
        EvenpickError
            If the file cannot be read so, names an image that is not in the pool, or gives one two labels.
        """
        table = TableOptions(split, image_column, label_column, skip_unknown)
        return import_file(self.path, Path(file), annotator, ImportOptions(table, replace, one_spelling))

    def undo_import(self) -> FileResult:
        """Take back the last import as a whole, and bring back what it replaced.

        Raises
        ------
        EvenpickError
            If there is none.
        """
        return undo_last_import(self.path)

    def export(
        self,
        file: str | Path,
        to: str = "csv",
        *,
        image_url: str | None = None,
        classes: Sequence[str] = (),
        **settings: Any,
    ) -> FileResult:
        """Write the labels to a file: a table, a folder `class/image` or tasks; or the classifier as ONNX.

        Parameters
        ----------
        file : str or Path
        to : str
            "csv", "folder", "label-studio" or "onnx".
        image_url : str, optional
            For Label Studio: what comes before an image's path in its address.
        classes : sequence of str
            For Label Studio: classes not found yet.
        **settings
            For Label Studio: `budget`, `acquisition` and `random_state`, by default as recorded. For "csv" and "folder":
            `split`, such as "70/15/15" for train, val and test, which divides no group, and its `random_state`.

        Raises
        ------
        EvenpickError
            If there is no label or model yet, an option is of another form, or the target holds something else.
        """
        if to == "onnx":
            from .training import export_classifier

            if settings.get("split"):
                raise EvenpickError("--split is for --to csv and --to folder; got --to onnx")

            return FileResult({}, export_classifier(self.path, Path(file)))
        if to not in FORMS:
            raise unknown_name("form", to, [*FORMS, "onnx"])
        asked: dict[str, Any] = dict.fromkeys(("budget", "acquisition", "random_state", "split"))
        for name in settings.keys() - asked:
            raise unknown_name("setting", name, asked)
        return export_file(self.path, Path(file), to, asked | settings, image_url, classes)

    def backup(self, file: str | Path) -> int:
        """Copy the record of labels to a file, also while people label; returns its entries.

        Raises
        ------
        EvenpickError
            If there is no record, or the file is there already and is no earlier backup of it.
        """
        if not self.paths.labels.exists():
            raise EvenpickError(f"workspace '{self.path}' has no label yet: label or import some first")
        with LabelStore(self.path) as store:
            return store.back_up(Path(file))

    def simulate(
        self,
        labels: str | Path,
        budget: int,
        *,
        split: str | None = None,
        restart: bool = False,
        announce: Callable[[str], None] = print,
        **options: Any,
    ) -> Simulated:
        """Let known labels answer instead of a person, and record the answers.

        Parameters
        ----------
        labels : str or Path
            CSV with the true class of every image; images that it does not name are skipped.
        budget : int
        split : str, optional
            Take only the rows whose `split` column says this.
        restart : bool
            Begin again; the old labels are kept aside.
        announce : callable
            Told in words where they are kept, before anything else is done.
        **options
            `acquisition`, `balancing`, `patience`, `random_state`, `one_by_one`, `audit` of `Session`.

        Raises
        ------
        EvenpickError
            If the table labels no image of the pool, or options are wrong or contradict those of earlier answers.
        """
        from .session import RecordedSession, Session, answer_all, result_of

        pool = self.pool
        table = read_labels(labels, pool.image_ids, read_skipped(self.path), TableOptions(split))
        if not table.labels:
            raise EvenpickError(f"'{labels}' labels no image of the pool{f' in split {split!r}' if split else ''}")
        if restart:
            Session(pool, budget, **options)  # a wrong option is refused before anything is moved
            if kept := set_aside(self.path):
                announce(f"The old labels are kept in '{kept}'.")
        with RecordedSession(self.path, pool, budget, "oracle", **options) as session:
            answer_all(session, lambda row: table.labels.get(pool.image_ids[row]))
            return Simulated(result_of(session.session), sorted(set(table.labels.values())), budget, pool)

    def train(
        self,
        strategy: str = "logistic_regression",
        prior_correction: bool | str = "tuned",
        random_state: int = 0,
        *,
        n_folds: int = 10,
        self_training: bool = True,
        fine_tuning: "FineTuningOptions | None" = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> "Model":
        """Train a classifier on the labels so far, and keep it in the workspace.

        Parameters
        ----------
        strategy, prior_correction, random_state, n_folds, fine_tuning, progress
            As for `train`; checkpoints of fine-tuning lie in the workspace.
        self_training : bool
            Try pseudo-labels of unlabelled images too; the folds decide whether they stay.

        Raises
        ------
        EvenpickError
            If there are labels of fewer than two classes, or an option does not exist.
        """
        import numpy as np

        from .training import FineTuningOptions, clear_checkpoints, train

        check_blocks(self.path)
        pool = self.pool
        labels = recorded_labels(self.path, pool)
        if not labels.names:
            raise EvenpickError(f"workspace '{self.path}' has no label yet: label or import some first")
        # What a person could not tell has no class to be predicted.
        others = np.setdiff1d(np.arange(len(pool)), labels.answered) if self_training else ()
        options = replace(fine_tuning or FineTuningOptions(), checkpoints=self.paths.fine_tuning)
        with named_bars(progress, "steps") as move:
            model = train(
                pool, labels.rows, labels.names, strategy, prior_correction, random_state,
                n_folds=n_folds, fine_tuning=options, unlabelled=others, progress=move,
            )  # fmt: skip
        model.save(self.paths.model)
        clear_checkpoints(self.paths.fine_tuning)
        return model

    def compare_sources(
        self,
        sources: "Sequence[SourceModel | str]",
        random_state: int = 0,
        *,
        progress: Progress | None = None,
    ) -> "SourceComparison":
        """Judge other source models, beside the pool's own, on the labelled images; changes nothing.

        Parameters
        ----------
        sources : sequence of SourceModel or str
            See `evenpick sources`; "A+B" is two side by side.
        random_state : int
            Deals the folds.
        progress : callable
            Told the images done now, and in all; by default a bar in a terminal and in a notebook, and none elsewhere.

        Raises
        ------
        EvenpickError
            If there are fewer than two classes with two labels, or a source cannot be had.
        """
        from .sources import SourceModel
        from .training import compare_sources, source_of

        pool = self.pool
        labels = recorded_labels(self.path, pool)
        others = [SourceModel.load(source) if isinstance(source, str) else source for source in sources]
        own = source_of(pool.source)
        every = [own, *(one for one in others if one.name != own.name)]
        with bar(progress, "embedding", "images") as move:
            return compare_sources(pool, labels.rows, labels.names, every, random_state, move)

    def evaluate(
        self,
        folder: str | Path,
        labels: str | Path,
        *,
        split: str | None = None,
        skip_unknown: bool = False,
        boxes: str | Path | None = None,
        progress: Progress | None = None,
    ) -> "Evaluation":
        """Measure the classifier on the labelled test images of a folder, and keep the result for the report.

        Parameters
        ----------
        folder : str or Path
        labels : str or Path
            CSV with the class of its images.
        split : str, optional
            Take only the rows whose `split` column says this.
        skip_unknown : bool
            Pass over labels of images that the folder does not hold.
        boxes : str or Path, optional
            The boxes of the folder, for a classifier of boxes; see `embed`.
        progress : callable
            Told the images done now, and in all, while the folder is embedded.

        Raises
        ------
        EvenpickError
            If there is no model, or the table labels no readable image of the folder, or others and they are not skipped.
        """
        from .images import find_images
        from .reports import write_evaluation
        from .training import evaluate

        folder, model = Path(folder), self.model
        where, seen = self._looked_at(folder, model.source, boxes, progress)
        rows = rows_of_files(seen, folder)
        asked = TableOptions(split, skip_unknown=skip_unknown)
        try:
            table = read_labels(labels, [*rows, *find_images(folder)], (), asked, folder)
        except UnknownImagesError as error:
            raise EvenpickError(f"{error}; --skip-unknown passes over them") from error
        tested = {image_id: label for image_id, label in table.labels.items() if image_id in rows}
        if not tested:
            raise EvenpickError(f"'{labels}' labels no readable image of '{folder}'")
        taken = {image_id: rows[image_id] for image_id in tested}
        groups, ungrouped = None, ""
        try:
            groups = self._groups_of(where, seen.pool)
        except EvenpickError as error:  # the accuracy can be told without
            ungrouped = str(error)
        test_pool = pool_of_files(seen.pool, taken, folder, groups)
        true = list(tested.values())
        same, near = self._seen_in_training(where, list(taken.values()))
        new = (~(same | near)).nonzero()[0]
        found = replace(
            evaluate(model, test_pool, true),
            ungrouped=ungrouped,
            unknown=tuple(table.unknown),
            among_labels=int(same.sum()),
            near_labels=int(near.sum()),
            on_new=evaluate(model, test_pool.take(new), [true[i] for i in new]) if 0 < len(new) < len(true) else None,
        )
        reasons = {image.image_id: image.reason for image in seen.skipped}
        missed = [image_id for image_id in table.labels if image_id not in rows]
        found = replace(found, unreadable=tuple((image_id, reasons.get(image_id, "")) for image_id in missed))
        write_evaluation(self.path, found, f"{folder.resolve().name}, labelled by {Path(labels).name}", where)
        return found

    def predict(
        self,
        folder: str | Path,
        *,
        smooth: bool = False,
        boxes: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Predictions:
        """Say the class of every readable image of a folder with the trained classifier.

        Parameters
        ----------
        folder : str or Path
        smooth : bool
            Images that show the same thing vote: each gets the mean of its group's probabilities. Groups are found as
            in this workspace.
        boxes, progress
            As in `evaluate`.

        Raises
        ------
        EvenpickError
            If there is no model, no image of the folder can be read, or they cannot be grouped so.
        """
        import numpy as np

        folder, model = Path(folder), self.model
        where, seen = self._looked_at(folder, model.source, boxes, progress)
        rows = rows_of_files(seen, folder)
        pool, present = seen.pool, seen.pool.present
        # A fine-tuned network would look for files that are gone.
        here = np.arange(len(pool)) if present is None else np.flatnonzero(present)
        probabilities = model.predict_proba(pool if present is None else pool.take(here))
        if smooth:
            groups = self._groups_of(where, pool)
            probabilities = group_means(probabilities, None if groups is None else groups[here])
        probabilities = probabilities[np.searchsorted(here, list(rows.values()))]
        names = [model.classes[i] for i in probabilities.argmax(axis=1)]
        left_out = [(image.image_id, image.reason) for image in seen.skipped if image.image_id not in rows]
        return Predictions(list(rows), names, model.classes, probabilities, left_out, model.warning)

    def status(self) -> "Status":
        """Say where labelling stands, what accuracy to expect, and what more labels would buy; changes nothing."""
        from .reports import workspace_status

        return workspace_status(self.path)

    def report(
        self,
        title: str | None = None,
        comparison: Mapping[str, Any] | None = None,
        out: str | Path | None = None,
    ) -> Path:
        """Write what was chosen, found and reached as one HTML page, JSON and CSV; returns the page.

        `comparison` is a table of methods to show first: `caption`, `columns`, `rows` and `sentence`. `out` is a folder to
        write to in place of `report` in the workspace.

        Raises
        ------
        EvenpickError
            If there is no pool or no label yet.
        """
        from .reports import write_report

        return write_report(self.path, title, comparison, out)

    def report_data(self, file: str | Path) -> Path:
        """Write the facts of the report alone, as JSON for programs; returns the file.

        Raises
        ------
        EvenpickError
            As for `report`.
        """
        from .reports import write_report_data

        return write_report_data(self.path, file)

    def report_fragment(self) -> str:
        """The sentences, accuracies and classes of the report as HTML for a notebook; changes nothing.

        Raises
        ------
        EvenpickError
            As for `report`.
        """
        from .reports import report_fragment

        return report_fragment(self.path)

    def _settle(self, own: dict[str, Any]) -> None:
        """Let the next session begin with these settings, where none has asked for anything yet."""
        with LabelStore(self.path) as store:
            if not have_been_asked_for(store.entries()):
                said = {SETTLED: said_of(own, own), **own, "evenpick": __version__}
                store.store_settings({**DEFAULTS, BY_DEFAULT: True, **said})

    def _looked_at(
        self, folder: Path, described: "SourceDescription | None", boxes: str | Path | None, progress: Progress | None
    ) -> tuple[Path, Embedded]:
        """The folder as the model's source sees it, and the workspace that holds it: this one, or one within it."""
        from .training import source_of

        source, other = source_of(described), self.paths.other_folder(folder)
        if boxes is None and (own := embedded_already(self.path, folder, source)):
            return self.path, own
        given = None if boxes is None else Path(boxes)
        forget_other_boxes(Paths(other), given)
        with bar(progress, "embedding", "images") as move:
            return other, embed(other, folder, source, move, options_for_other(self.paths, folder, given))

    def _seen_in_training(self, where: Path, tested: Sequence[int]) -> "tuple[NDArray[np.bool_], NDArray[np.bool_]]":
        """Which rows of a folder that `_looked_at` has seen are labelled here, and which show the same as such a one."""
        import numpy as np

        from .training import source_of

        pool, rows = self.pool, np.asarray(tested, np.intp)
        unit, gap = limits_of(self.path, pool, source_of(pool.source))
        return overlap_with_labels(self.path, self.labels.rows, where, rows, unit, gap)

    def _groups_of(self, where: Path, pool: Pool) -> "IndexArray | None":
        """The groups of a folder that `_looked_at` has seen."""
        from .training import source_of

        if where != self.path:
            group_as(self.path, where, pool, source_of(pool.source))
        return Pool.open(where).groups


def _taken_over(session: "RecordedSession") -> str:
    """What a session that has asked for nothing yet takes over from `select` or an export of tasks; empty where that is nothing."""
    names = {"budget": "--budget", "acquisition": "--acquisition", "random_state": "--seed"}
    taken = session.settings.get(SETTLED, [])
    said = ", ".join(f"{option} {session.settings[name]}" for name, option in names.items() if name in taken)
    return f"From `select` or `export` before: {said}. Say others here to choose otherwise." if said else ""


def _about_draws(recorded: "RecordedSession") -> str:
    """How many labels are of images drawn at random, and what that gives; empty where none is to be drawn."""
    from .estimates import ENOUGH

    session = recorded.session
    if not recorded.settings["audit"]:
        return ""
    drawn, labels = session.audit_labels + session.audit_labels_to_come, sum(session.counts.values())
    said = f"{drawn} of {labels + session.labels_left} labels are of images drawn at random"
    if drawn < ENOUGH:
        return f"{said}; from {ENOUGH} on they tell an accuracy with an interval. `--audit 0` draws none."
    return f"{said}: they tell an accuracy, with an interval that is meant to hold nine times in ten. `--audit 0` draws none."


def _words_of(
    workspace: Path,
    source: str,
    class_names: str | Path | Sequence[str] | None,
    text_encoder: str | None,
    prompts: Sequence[str],
) -> "WordClasses":
    """These words by the text encoder of this name; what is not said is as it was, or else what goes with the source."""
    from .sources import PROMPT, TextEncoder, absolute_name, read_class_names, text_encoder_beside, word_classes

    kept = kept_words(workspace)
    encoder = text_encoder or (kept.encoder if kept else None) or text_encoder_beside(source)
    if encoder is None:
        raise EvenpickError(
            f"{'prompts' if class_names is None else 'class names'} need the text encoder of the same pair as the source: say "
            "--text-encoder onnx:FILE, or put text_model.onnx beside the source's file"
        )
    if class_names is None:
        names: Sequence[str] = kept.names if kept else ()
    elif isinstance(class_names, str | Path):
        names = read_class_names(class_names)
    else:
        names = class_names
        if not names:
            raise EvenpickError("class names: there is none; give two or more")
    said = tuple(prompts) or (kept.prompts if kept else (PROMPT,))
    return word_classes(names, said, TextEncoder.load(absolute_name(encoder)))


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container need not know who it runs as
        return "annotator"


def _run_on(ray: str | None, needed: Path) -> AbstractContextManager[Run]:
    """What spreads the work: threads here, or tasks on a Ray cluster that sees the folder."""
    if ray is None:
        return nullcontext(map_in_threads)
    from .ray_cluster import on_ray

    return on_ray(ray, needed)


def _acquisition_on(
    ray: str | None, acquisition: str, workspace: Path
) -> AbstractContextManager["str | AcquisitionFunction"]:
    if ray is None:
        return nullcontext(acquisition)
    from .ray_cluster import acquisition_on_ray

    return acquisition_on_ray(acquisition, ray, workspace)
