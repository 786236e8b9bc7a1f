"""The public names as users call them: checked by mypy --strict, never run. What users see must not become `Any`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import evenpick
from evenpick import (
    ACQUISITIONS,
    BALANCINGS,
    EvenpickError,
    Model,
    Pool,
    Preprocessing,
    Session,
    SourceModel,
    Workspace,
    embed,
    g_al,
    imbalance_ratio,
    induce_imbalance,
    macro_accuracy,
    select,
    simulate,
    train,
)

if TYPE_CHECKING:
    from typing_extensions import assert_type

features = np.zeros((40, 8), np.float32)
labels = ["cat", "dog"] * 20


def pools() -> None:
    pool = Pool.from_arrays(features)
    assert_type(pool, Pool)
    assert_type(Pool.from_arrays([[0.0, 1.0]], probabilities=[[0.5, 0.5]], image_ids=["a.jpg"]), Pool)
    assert_type(Pool.open("work"), Pool)
    assert_type(Pool.open(Path("work")), Pool)
    assert_type(len(pool), int)
    ids: Sequence[str] = pool.image_ids
    shape: tuple[int, ...] = pool.features.shape
    entropy: NDArray[np.floating] = pool.entropy
    margin: NDArray[np.floating] = pool.margin
    confidence: NDArray[np.floating] = pool.confidence
    source_class: NDArray[np.integer] = pool.source_class
    _ = ids, shape, entropy, margin, confidence, source_class


def choosing(pool: Pool) -> None:
    assert_type(select(pool, 10), NDArray[np.intp])
    assert_type(select(pool, 10, "core_set", random_state=3), NDArray[np.intp])
    assert_type(select(pool, 10, newest_first), NDArray[np.intp])
    by_name: Mapping[str, Callable[[Pool, int, np.random.Generator], NDArray[np.intp]]] = ACQUISITIONS
    names: list[str] = [*by_name, *BALANCINGS]
    _ = names


def newest_first(pool: Pool, budget: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """A user's own acquisition function."""
    return np.arange(len(pool), dtype=np.intp)[::-1][:budget]


def asking(pool: Pool) -> None:
    session = Session(pool, 20, acquisition="random", balancing=None, patience=3, random_state=1)
    row = session.next()
    assert_type(row, int | None)
    if row is not None:
        assert_type(session.label(row, "cat"), None)
        assert_type(session.skip(row), None)
    session.undo()
    phase: str = session.phase
    found = sum(session.counts.values())
    assert_type(found, int)
    _ = phase


def simulating(pool: Pool) -> None:
    result = simulate(pool, labels, 20, balancing="ratio_max", random_state=0)
    assert_type(result.indices, NDArray[np.intp])
    assert_type(result.switch_at, int | None)
    simulate(pool, np.array(labels), budget=20)
    train(pool, result.indices, result.labels)


def training(pool: Pool) -> None:
    model = train(pool, [0, 1, 2, 3], labels[:4], strategy="svm", prior_correction=True, random_state=0)
    assert_type(model, Model)
    train(pool, np.arange(4), np.array(labels[:4]), prior_correction="tuned")
    probabilities: NDArray[np.floating] = model.predict_proba(pool)
    share = macro_accuracy(labels, model.predict(features))
    assert_type(share, float)
    assert_type(len(model.classes), int)
    assert_type(model.save("model"), None)
    assert_type(Model.load(Path("model")), Model)
    _ = probabilities


def measuring() -> None:
    assert_type(macro_accuracy(["a", "b"], ["a", "a"], classes=["a", "b"]), float)
    assert_type(macro_accuracy(np.array([0, 1]), np.array([0, 0])), float)
    assert_type(imbalance_ratio([3, 0, 5]), float)
    assert_type(g_al([50.0, 60.0], full=[70.0, 80.0]), float)
    assert_type(induce_imbalance(labels, imbalance_ratio=0.5, mean=5, random_state=0), NDArray[np.intp])


def embedding() -> None:
    source = SourceModel.load("onnx:network.onnx", Preprocessing(size=192))
    assert_type(source, SourceModel)
    embedded = embed("work", "photos", source)
    assert_type(embedded.pool, Pool)
    assert_type(embed(Path("work"), Path("photos")).pool, Pool)
    both = SourceModel.side_by_side([source, "efficientnet_lite0"])
    assert_type(both.members, tuple[SourceModel, ...])
    assert_type(embed("work", "photos", ["efficientnet_lite0", source]).pool, Pool)


def working() -> None:
    work = Workspace("work")
    assert_type(work.pool, Pool)
    assert_type(work.embed("photos").pool, Pool)
    assert_type(work.embed("photos", ["efficientnet_lite0", "efficientnet_lite1"]).pool, Pool)
    assert_type(work.select(5).indices, NDArray[np.intp])
    assert_type(work.label(budget=200), None)
    names: list[str] = work.labels.names
    assert_type(work.train(), Model)
    share: float = work.evaluate("test", "test.csv").accuracy
    assert_type(work.predict("photos").image_ids, list[str])
    assert_type(work.status().sentences, list[str])
    assert_type(work.report(), Path)
    assert_type(work.report_data("facts.json"), Path)
    assert_type(work.report_fragment(), str)
    _ = names, share


def failing() -> None:
    try:
        Pool.open("nowhere")
    except EvenpickError as error:
        assert_type(str(error), str)
    assert_type(evenpick.__version__, str)
