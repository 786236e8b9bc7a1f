"""The runs that the demo compares: labels simulated by several ways of choosing, a classifier trained on each."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from .arrays import IndexArray, Values
from .demo_images import DemoSet, split
from .machine import cores, use_cores
from .metrics import classes_found
from .pool import Pool
from .session import SimulationResult, simulate
from .training import Evaluation, Model, evaluate, train

Method = tuple[str, str | None]  # acquisition function and balancing

OURS: Method = ("auto", "auto")
BASELINE: Method = ("random", None)
METHODS: list[Method] = [OURS, BASELINE, ("core_set", None), ("ent_inv_div", "ratio_max")]


@dataclass(frozen=True)
class Split:
    """A part of all images to choose from, another to test on, and their classes."""

    rows: IndexArray  # of all images, for the rows of the pool
    pool: Pool
    labels: NDArray[np.str_]
    test: Pool
    test_labels: NDArray[np.str_]


@dataclass(frozen=True)
class Run:
    """One method on one split; all arrays in the order of the classes' images in the pool, most first."""

    result: SimulationResult
    rows: IndexArray  # of all images, for the pool's rows of this split
    model: Model
    evaluation: Evaluation
    images: IndexArray  # (n_classes,) of the pool
    labels: IndexArray  # (n_classes,) given
    recognised: Values  # (n_classes,) share of the test images of each

    @property
    def accuracy(self) -> float:
        """Macro accuracy with prior correction, without self-training."""
        return self.evaluation.corrected_accuracy

    @property
    def rare_labels(self) -> int:
        """Labels of the rarer half of the classes."""
        return int(self.labels[-(len(self.labels) // 2) :].sum())

    @property
    def found(self) -> int:
        """Classes with a label."""
        return classes_found(self.result.labels)


def run_all(
    chosen: DemoSet, images: Pool, labels: NDArray[np.str_], progress: Callable[[int, int], None]
) -> dict[Method, list[Run]]:
    """Every method on every split, in a process a core; of each method the runs in the order of the splits."""
    todo = [(seed, method) for seed in range(chosen.seeds) for method in METHODS]
    done: dict[tuple[int, Method], Run] = {}
    splits = [_split(chosen, images, labels, seed) for seed in range(chosen.seeds)]
    for place, run in _spread([(chosen.budget, splits[seed], method, seed) for seed, method in todo]):
        done[todo[place]] = run
        progress(len(done), len(todo))
    return {method: [done[seed, method] for seed in range(chosen.seeds)] for method in METHODS}


def run_one(budget: int, part: Split, method: Method, seed: int) -> Run:
    """Label by this method, train on these labels, and test."""
    name, form = method
    result = simulate(part.pool, part.labels, budget, acquisition=name, balancing=form, audit=0, random_state=seed)
    # On the labels alone: they are what the methods differ in.
    model = train(part.pool, result.indices, result.labels, random_state=seed, unlabelled=())
    evaluation = evaluate(model, part.test, part.test_labels)
    names, counts = np.unique(part.labels, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    recalls = {str(one.name): one.corrected_accuracy for one in evaluation.classes}
    given = np.array(result.labels)
    return Run(
        result,
        part.rows,
        model,
        evaluation,
        counts[order],
        np.array([(given == name).sum() for name in names[order]]),
        np.array([recalls[name] for name in names[order].tolist()]),
    )


def _split(chosen: DemoSet, images: Pool, labels: NDArray[np.str_], seed: int) -> Split:
    rows, tested = split(chosen, labels, seed)
    return Split(rows, images.take(rows), labels[rows], images.take(tested), labels[tested])


def _spread(todo: Sequence[tuple[int, Split, Method, int]]) -> Iterator[tuple[int, Run]]:
    """Each run with its place in `todo`, as they end."""
    if cores() == 1:
        yield from ((place, run_one(*what)) for place, what in enumerate(todo))
        return
    # Threads would wait for each other: most of a training is Python.
    with ProcessPoolExecutor(min(cores(), len(todo)), get_context("spawn"), _begin_worker) as executor:
        place_of = {executor.submit(run_one, *what): place for place, what in enumerate(todo)}
        try:
            for future in as_completed(place_of):
                yield place_of[future], future.result()
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def _begin_worker() -> None:
    use_cores(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the workers
