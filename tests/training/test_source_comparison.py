"""Sources compared on labels: the one that sees the classes wins, on the same folds, with the labelled images alone."""

import numpy as np
import pytest
from PIL import Image

from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.labels import Annotation, LabelStore
from evenpick.sources import SourceModel
from evenpick.training import source_comparison
from evenpick.training.source_comparison import ComparedSource, SourceComparison
from evenpick.workspace import Workspace

pytestmark = pytest.mark.usefixtures("source_cache")


@pytest.fixture
def sources(make_network, tmp_path):
    """One that sees colours, as an ONNX file, and one that sees nothing."""
    seeing = SourceModel.from_onnx(make_network(tmp_path / "seeing.onnx"), Preprocessing(size=8))

    def blind(batch):
        return np.ones((len(batch), 3), np.float32), np.zeros((len(batch), 2), np.float32)

    return seeing, SourceModel("blind", Preprocessing(size=8), 3, 2, "none", "0", blind)


@pytest.fixture
def work(sources, tmp_path):
    """Thirty images that are red or blue, and 20 labels."""
    folder, rng = tmp_path / "photos", np.random.default_rng(0)
    folder.mkdir()
    for i in range(30):
        bright, dark = rng.integers(150, 256), rng.integers(0, 60)
        Image.new("RGB", (16, 16), (bright, dark, 9) if i % 2 else (9, dark, bright)).save(folder / f"{i:02d}.png")
    work = Workspace(tmp_path / "work")
    work.embed(folder, f"onnx:{sources[0].file}", group_by="none")
    with LabelStore(work.path) as store:
        store.append(
            [Annotation(image=f"{i:02d}.png", label="red" if i % 2 else "blue", annotator="me") for i in range(20)]
        )
    return work


def test_the_source_that_sees_the_classes_is_ahead(work, sources):
    seen = []
    found = work.compare_sources([sources[1]], progress=lambda done, total: seen.append((done, total)))

    own, blind = found.sources
    assert (own.name, blind.name, found.n_labels) == (f"onnx:{sources[0].file}", "blind", 20)
    assert own.accuracy == 1
    assert blind.accuracy <= 0.5
    assert own.log_me > blind.log_me
    assert blind.ahead_of(own)[0] < -0.3
    assert found.sentence.startswith("No source is clearly ahead")
    assert seen[-1] == (40, 40)
    assert found.rows[0][2] == ""


@pytest.mark.parametrize("views", [1, 3, 8])
def test_sources_are_compared_in_all_of_their_views(work, sources, views, tmp_path):
    file = f"onnx:{sources[0].file}"
    pool = Workspace(tmp_path / "views").embed(work.pool.folder, file, views=views, group_by="none").pool
    own, rows, seen = SourceModel.load(file, pool.source.preprocessing), np.array([3, 20, 11]), []

    features = source_comparison._features(pool, rows, own, seen.append)

    assert features == pytest.approx(pool.features[rows], abs=1e-4)
    assert seen[-1] == 3


def test_a_source_that_is_the_pools_own_is_not_asked_twice(work, sources):
    assert len(work.compare_sources([f"onnx:{sources[0].file}"]).sources) == 1


def test_the_difference_is_the_mean_over_the_folds_with_its_t_interval():
    own = ComparedSource("own", 0.5, (0.4, 0.5, 0.6), -1.0, 10.0)
    other = ComparedSource("other", 0.6, (0.6, 0.6, 0.9), -0.9, 20.0)
    mean, half = other.ahead_of(own)

    # Differences 0.2, 0.1, 0.3: mean 0.2, standard deviation 0.1, t of two degrees 4.303
    assert mean == pytest.approx(0.2)
    assert half == pytest.approx(4.303 * 0.1 / 3**0.5, rel=1e-3)
    assert "stay with it" in SourceComparison((own, other), 9).sentence


def test_a_source_with_an_interval_above_0_is_recommended():
    own = ComparedSource("own", 0.5, (0.4, 0.5, 0.6), -1.0, 10.0)
    better = ComparedSource("better", 0.8, (0.7, 0.8, 0.91), -0.9, 20.0)

    assert SourceComparison((own, better), 9).sentence.startswith("'better' is ahead of 'own' on these 9 labels")


def test_too_few_labels_are_told(work, sources):
    few = Workspace(work.path.parent / "few")
    few.embed(work.path.parent / "photos", f"onnx:{sources[0].file}", group_by="none")
    with LabelStore(few.path) as store:
        store.append([Annotation(image=f"0{i}.png", label=name, annotator="me") for i, name in enumerate("aab")])

    with pytest.raises(
        EvenpickError,
        match="takes two classes with two labels or more each, of different groups; got 3 labels of 2 classes",
    ):
        few.compare_sources([sources[1]])


def test_the_command_prints_the_table(work, sources):
    from click.testing import CliRunner

    from evenpick.cli import main

    result = CliRunner().invoke(main, ["compare-sources", str(work.path), "--source", f"onnx:{sources[0].file}"])

    assert result.exit_code == 0, result.output
    assert "Sources on 20 labels" in result.output
    assert "ms an image" in " ".join(result.output.split())
