"""A workspace of features from elsewhere: read from each form, refused where they do not fit, used without any pixel."""

import csv

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from evenpick import Workspace
from evenpick.errors import EvenpickError
from evenpick.pool import Pool
from evenpick.pool.writer import PoolWriter

IDS = [f"{i:02d}.jpg" for i in range(40)]
RNG = np.random.default_rng(0)
FEATURES = (RNG.normal(size=(40, 6)) + 4 * (np.arange(40) % 2)[:, None]).astype(np.float32)
PROBABILITIES = RNG.dirichlet(np.ones(5), size=40)


@pytest.fixture
def ids(tmp_path):
    with (tmp_path / "ids.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "site"], *([name, "x"] for name in IDS)])
    return tmp_path / "ids.csv"


@pytest.fixture
def features(tmp_path):
    np.save(tmp_path / "features.npy", FEATURES)
    return tmp_path / "features.npy"


@pytest.fixture
def work(tmp_path):
    return Workspace(tmp_path / "work")


def write_npz(file):
    np.savez(file, other=np.zeros(3), features=FEATURES)


def write_lists(file):
    parquet.write_table(pa.table({"image": IDS, "embedding": FEATURES.tolist()}), file)


def write_columns(file):
    columns = {f"f{i}": FEATURES[:, i] for i in range(6)}
    parquet.write_table(pa.table({"image": IDS, **columns}), file)


@pytest.mark.parametrize(
    ("name", "write"), [("f.npz", write_npz), ("lists.parquet", write_lists), ("columns.parquet", write_columns)]
)
def test_features_are_read_from_each_form(name, write, ids, work, tmp_path):
    write(tmp_path / name)

    pool = work.take_features(tmp_path / name, ids)

    assert np.array_equal(pool.features[:], FEATURES)
    assert pool.image_ids == IDS
    assert (pool.predictions, pool.folder) == (None, None)


def test_probabilities_give_what_selection_needs(ids, features, work, tmp_path):
    np.save(tmp_path / "p.npy", PROBABILITIES)

    pool = work.take_features(features, ids, tmp_path / "p.npy")

    expected = Pool.from_arrays(FEATURES, PROBABILITIES)
    assert np.array_equal(pool.predictions, expected.predictions)
    assert work.select(5, "ent").indices.tolist() == expected.entropy.argsort()[::-1][:5].tolist()


def test_what_needs_no_pixels_works_and_what_needs_them_says_so(ids, features, work, tmp_path):
    work.take_features(features, ids)
    chosen = work.select(20)
    table = tmp_path / "labels.csv"
    table.write_text("image,label\n" + "".join(f"{i},{'ab'[int(i[:2]) % 2]}\n" for i in chosen.image_ids))

    work.import_labels(table)
    model = work.train()
    status = work.status()
    page = work.report()

    assert set(model.predict(work.pool)) == {"a", "b"}
    assert status.facts["labels"] == 20
    assert page.is_file()
    work.export(tmp_path / "out.csv")
    with pytest.raises(EvenpickError, match="the pool has no folder of photographs to show"):
        work.label(30, port=0, open_browser=False)
    with pytest.raises(EvenpickError, match="the folder of photographs"):
        work.export(tmp_path / "copies", to="folder")
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "photos" / "a.png")
    with pytest.raises(EvenpickError, match="ready-made features: evenpick has no network"):
        work.predict(tmp_path / "photos")


def test_images_that_are_files_are_shown_and_those_that_are_not_are_passed_over(ids, features, work, tmp_path):
    (tmp_path / "photos").mkdir()
    for name in IDS[:30]:
        Image.new("RGB", (9, 9)).save(tmp_path / "photos" / name)

    pool = work.take_features(features, ids, folder=tmp_path / "photos")

    assert pool.present.tolist() == [True] * 30 + [False] * 10
    assert pool.part(3).file == tmp_path / "photos" / "03.jpg"
    assert set(work.select(30).image_ids) == set(IDS[:30])


def test_the_same_files_again_change_nothing_and_others_are_refused(ids, features, work, tmp_path):
    work.take_features(features, ids)
    assert len(work.take_features(features, ids)) == 40

    np.save(tmp_path / "others.npy", FEATURES + 1)
    with pytest.raises(EvenpickError, match="holds another pool: use another workspace"):
        work.take_features(tmp_path / "others.npy", ids)


def many(tmp_path, n=2058):
    """More rows than one block holds."""
    np.save(tmp_path / "many.npy", np.arange(2.0 * n, dtype=np.float32).reshape(n, 2))
    (tmp_path / "many.csv").write_text("image\n" + "".join(f"{i}.jpg\n" for i in range(n)))
    return tmp_path / "many.npy", tmp_path / "many.csv"


def test_a_wrong_value_in_a_late_row_is_refused_each_time_and_nothing_is_written(work, tmp_path):
    features, ids = many(tmp_path)
    array = np.load(features)
    array[2053, 1] = np.nan
    np.save(features, array)

    for _ in range(2):
        with pytest.raises(EvenpickError, match="1 rows hold NaN, infinity or more, the first is row 2053"):
            work.take_features(features, ids)
    assert not work.paths.pool_json.exists()


def test_a_run_that_was_stopped_goes_on_where_it_was(work, tmp_path, monkeypatch):
    features, ids = many(tmp_path)
    append = PoolWriter.append

    def stopped(writer, *arguments):
        if writer.rows:
            raise KeyboardInterrupt
        append(writer, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(PoolWriter, "append", stopped)
        with pytest.raises(KeyboardInterrupt):
            work.take_features(features, ids)
    assert len(work.pool) == 2048

    pool = work.take_features(features, ids)

    assert np.array_equal(pool.features[:], np.load(features))
    assert pool.image_ids == [f"{i}.jpg" for i in range(2058)]


def test_a_folder_that_is_named_later_counts_and_stays(ids, features, work, tmp_path):
    work.take_features(features, ids)
    (tmp_path / "photos").mkdir()
    for name in IDS[:30]:
        Image.new("RGB", (9, 9)).save(tmp_path / "photos" / name)

    work.take_features(features, ids, folder=tmp_path / "photos")
    pool = work.take_features(features, ids)

    assert pool.folder == tmp_path / "photos"
    assert pool.present.tolist() == [True] * 30 + [False] * 10
    assert np.array_equal(pool.features[:], FEATURES)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (FEATURES[:39], "names 40 images, and .* has 39 rows"),
        (FEATURES[0], r"numbers of shape \(n, d\); got float32 of shape \(6,\)"),
        (np.full((40, 6), np.nan), "40 rows hold NaN"),
        (FEATURES.astype(str), "must hold numbers"),
        (FEATURES[:, :0], r"numbers of shape \(n, d\)"),
    ],
)
def test_features_that_do_not_fit_are_refused(array, said, ids, work, tmp_path):
    np.save(tmp_path / "f.npy", array)

    with pytest.raises(EvenpickError, match=said) as told:
        work.take_features(tmp_path / "f.npy", ids)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("f.npy", b"", "cannot be read"),
        ("f.npy", b"no array", "cannot be read"),
        ("f.npz", b"no archive", "cannot be read"),
        ("f.parquet", b"no table", "cannot be read"),
        ("f.csv", b"1,2", r"must be a \.npy, \.npz or \.parquet file"),
        ("gone.npy", None, "cannot be read"),
    ],
)
def test_files_that_are_no_features_are_refused(name, content, said, ids, work, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(EvenpickError, match=said) as told:
        work.take_features(tmp_path / name, ids)
    assert "\n" not in str(told.value)


def test_an_object_array_is_not_unpickled(ids, work, tmp_path):
    np.save(tmp_path / "f.npy", np.array([{}] * 40, object), allow_pickle=True)

    with pytest.raises(EvenpickError, match="cannot be read"):
        work.take_features(tmp_path / "f.npy", ids)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\na\n", "needs a first line with the column image"),
        ("", "needs a first line"),
        ("image\n" + "a\n" * 40, "names an image twice: 'a'"),
        ("image,b\n" + "".join(f"{i},x\n" for i in range(39)) + ",x\n", "names no image in row 40"),
    ],
)
def test_tables_of_ids_that_do_not_fit_are_refused(text, said, features, work, tmp_path):
    (tmp_path / "i.csv").write_text(text)

    with pytest.raises(EvenpickError, match=said):
        work.take_features(features, tmp_path / "i.csv")


def test_a_folder_that_holds_none_of_the_images_is_refused(ids, features, work, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "other.jpg").write_bytes(b"")

    with pytest.raises(
        EvenpickError, match=r"photos' holds none of the images that '.*ids.csv' names, the first '00.jpg'"
    ):
        work.take_features(features, ids, folder=tmp_path / "photos")
    assert not work.path.exists()


def test_ids_are_read_as_spreadsheets_write_them(features, work, tmp_path):
    (tmp_path / "i.csv").write_text("\n".join(["site;image", *(f"x;{name}" for name in IDS)]), encoding="utf-16")

    assert work.take_features(features, tmp_path / "i.csv").image_ids == IDS
