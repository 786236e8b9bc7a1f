import numpy as np
import pytest
from PIL import Image

from evenpick import EvenpickError, imbalance_ratio
from evenpick.metrics import class_counts
from evenpick.paper import data_set, data_sets_in, open_data_set
from evenpick.paper.data_set import FORMS

pytestmark = pytest.mark.slow

rng = np.random.default_rng(0)


def write_image(file):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 255, (4, 4, 3), dtype=np.uint8)).save(file)


def touch(file):
    """A file named like an image: what is only listed need not be one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def test_a_table_with_pool_and_test_folders_is_read_as_it_is(tmp_path):
    for name in ("pool/1.jpg", "pool/2.jpg", "pool/unlabelled.jpg", "test/1.jpg", "test/2.jpg"):
        touch(tmp_path / "mine" / name)
    (tmp_path / "mine" / "labels.csv").write_text(
        "split,file,label\npool,1.jpg,cat\npool,2.jpg,dog\ntest,1.jpg,dog\ntest,2.jpg,cat\n"
    )

    found = open_data_set("mine", tmp_path, tmp_path / "unpacked")

    assert found.pool.folder == tmp_path / "mine" / "pool"
    assert found.pool.labels == {"1.jpg": "cat", "2.jpg": "dog"}
    assert found.test.labels == {"1.jpg": "dog", "2.jpg": "cat"}


@pytest.mark.parametrize(("pool", "test"), [("pool", "test"), ("train", "test"), ("train", "val")])
def test_class_folders_name_the_class(tmp_path, pool, test):
    for name in (f"{pool}/cat/1.jpg", f"{pool}/dog/deep/1.jpg", f"{test}/cat/2.jpg", f"{test}/dog/2.jpg"):
        touch(tmp_path / "mine" / name)

    found = open_data_set("mine", tmp_path, tmp_path)

    assert found.pool.labels == {"cat/1.jpg": "cat", "dog/deep/1.jpg": "dog"}
    assert found.test.labels == {"cat/2.jpg": "cat", "dog/2.jpg": "dog"}


@pytest.mark.parametrize("name", ["valid", "validation"])
def test_other_words_for_a_test_set_are_known(tmp_path, name):
    for image in ("train/cat/1.jpg", "train/dog/1.jpg", f"{name}/cat/2.jpg", f"{name}/dog/2.jpg"):
        touch(tmp_path / "mine" / image)

    assert set(open_data_set("mine", tmp_path, tmp_path).test.labels.values()) == {"cat", "dog"}


def test_splits_are_not_taken_for_classes(tmp_path):
    for image in ("train/cat/1.jpg", "train/dog/1.jpg", "holdout/cat/2.jpg", "holdout/dog/2.jpg"):
        touch(tmp_path / "mine" / image)

    with pytest.raises(EvenpickError, match="holds 'train', which is no class"):
        open_data_set("mine", tmp_path, tmp_path)


def test_a_table_without_its_folders_says_what_is_missing(tmp_path):
    touch(tmp_path / "mine" / "photos" / "1.jpg")
    (tmp_path / "mine" / "labels.csv").write_text("split,file,label\npool,1.jpg,cat\n")

    with pytest.raises(EvenpickError, match=r"needs the images that it names in pool/ and test/"):
        open_data_set("mine", tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("damage", "words"), [(lambda b: b[:-1], "3074 bytes an image"), (lambda b: b"", "3074 bytes")]
)
def test_a_cifar_file_that_is_cut_short_is_one_line(tmp_path, damage, words):
    folder = tmp_path / "cifar100"
    folder.mkdir()
    (folder / "fine_label_names.txt").write_text("\n".join(f"class{i}" for i in range(100)))
    records = np.zeros((3, 3074), np.uint8).tobytes()
    (folder / "train.bin").write_bytes(damage(records))
    (folder / "test.bin").write_bytes(records)

    with pytest.raises(EvenpickError, match=words):
        open_data_set("cifar100", tmp_path, tmp_path / "unpacked")


def test_a_folder_without_a_test_set_gives_a_fifth_of_each_class_for_it(tmp_path):
    for number in range(10):
        touch(tmp_path / "mine" / "cat" / f"{number}.jpg")
    for number in range(2):
        touch(tmp_path / "mine" / "dog" / f"{number}.jpg")

    found = open_data_set("mine", tmp_path, tmp_path)

    assert sorted(found.test.labels.values()) == ["cat", "cat", "dog"]
    assert found.pool.labels.keys().isdisjoint(found.test.labels)
    assert len(found.pool.labels) == 9
    assert found == open_data_set("mine", tmp_path, tmp_path)


def test_food101_as_its_authors_give_it_is_pruned_to_the_printed_imbalance(tmp_path):
    classes = [f"dish{i:03}" for i in range(101)]
    for split, ids in (("train", range(750)), ("test", range(750, 1000))):
        (tmp_path / "food101" / "meta").mkdir(parents=True, exist_ok=True)
        lines = [f"{name}/{number}" for name in classes for number in ids]
        (tmp_path / "food101" / "meta" / f"{split}.txt").write_text("\n".join(lines) + "\n")
    touch(tmp_path / "food101" / "images" / "dish000" / "0.jpg")

    found = open_data_set("food101", tmp_path, tmp_path)

    counts = class_counts(found.pool.labels.values(), classes)
    assert counts.mean() == pytest.approx(227.28, abs=0.02)
    assert counts.std() == pytest.approx(180.31, abs=0.2)
    assert round(imbalance_ratio(counts), 3) == 0.793
    assert len(found.test.labels) == 25_250


def test_cifar100_is_unpacked_from_its_binary_form_and_pruned(tmp_path):
    folder = tmp_path / "cifar100"
    folder.mkdir()
    names = [f"thing{i:02}" for i in range(100)]
    (folder / "fine_label_names.txt").write_text("\n".join(names))
    for source, each in (("train", 500), ("test", 1)):
        records = np.zeros((100 * each, 2 + 3072), np.uint8)
        records[:, 1] = np.arange(len(records)) % 100
        records[:, 2] = 200  # the first red pixel
        records.tofile(folder / f"{source}.bin")

    found = open_data_set("cifar100", tmp_path, tmp_path / "unpacked")

    counts = class_counts(found.pool.labels.values(), names)
    assert round(imbalance_ratio(counts), 3) == 0.740
    assert counts.mean() == pytest.approx(171.68, abs=0.05)
    image, label = next(iter(found.pool.labels.items()))
    assert label == names[int(image[:5]) % 100]
    pixels = np.asarray(Image.open(found.pool.folder / image))
    assert pixels.shape == (32, 32, 3)
    assert pixels[0, 0].tolist() == [200, 0, 0]
    assert len(list(found.pool.folder.iterdir())) == len(found.pool.labels)


def test_mit67_takes_every_image_that_is_not_of_the_test_list(tmp_path):
    for name in ("bar/1.jpg", "bar/2.jpg", "pub/1.jpg", "pub/2.jpg"):
        touch(tmp_path / "mit67" / "Images" / name)
    (tmp_path / "mit67" / "TestImages.txt").write_text("bar/2.jpg\npub/1.jpg\n")

    found = open_data_set("mit67", tmp_path, tmp_path)

    assert found.pool.labels == {"bar/1.jpg": "bar", "pub/2.jpg": "pub"}
    assert found.test.labels == {"bar/2.jpg": "bar", "pub/1.jpg": "pub"}


def test_imn100_draws_leaf_classes_outside_ilsvrc(tmp_path, monkeypatch):
    # A tenth of the images: the paper's 58,000 files would take minutes to make.
    monkeypatch.setattr(data_set, "IMN_LARGEST", 53)
    monkeypatch.setattr(data_set, "IMN_MEAN", 18.6)
    monkeypatch.setattr(data_set, "MOST_TEST", 5)
    folder = tmp_path / "imn100"
    leaves = [f"n{i:08}" for i in range(103)]
    for name in [*leaves, "n99999999"]:
        for number in range(10 if name == leaves[2] else 58):
            touch(folder / name / f"{number}.jpg")
    (folder / "wordnet.is_a.txt").write_text(f"n99999999 {leaves[0]}\n")  # a parent is no leaf
    (folder / "ilsvrc_synsets.txt").write_text(f"{leaves[1]}\n")

    found = open_data_set("imn100", tmp_path, tmp_path)

    classes = set(found.pool.labels.values())
    assert len(classes) == 100
    assert classes <= set(leaves) - {leaves[1], leaves[2]}
    counts = class_counts(found.pool.labels.values(), sorted(classes))
    assert imbalance_ratio(counts) == pytest.approx(0.739, abs=0.002)
    assert counts.mean() == pytest.approx(18.6, abs=0.1)
    assert len(found.test.labels) == 500


def test_imn100_says_how_many_classes_it_needs(tmp_path):
    folder = tmp_path / "imn100"
    touch(folder / "n00000001" / "1.jpg")
    (folder / "wordnet.is_a.txt").write_text("")
    (folder / "ilsvrc_synsets.txt").write_text("")

    with pytest.raises(EvenpickError, match="needs 100 leaf classes outside ILSVRC with 581 images or more; it has 0"):
        open_data_set("imn100", tmp_path, tmp_path)


@pytest.mark.parametrize("name", ["food101", "cifar100", "mit67", "imn100"])
def test_a_missing_original_is_named_with_where_to_get_it_and_what_to_put_where(tmp_path, name):
    with pytest.raises(EvenpickError) as error:
        open_data_set(name, tmp_path, tmp_path)

    assert str(tmp_path / name) in str(error.value)
    assert "https://" in str(error.value)
    assert FORMS[name].marks[0].removesuffix("/*") in str(error.value)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("pool,1.jpg,cat\ntest,1.jpg,cat\n", "at least two classes; got 1"),
        ("pool,1.jpg,cat\npool,2.jpg,dog\ntest,1.jpg,cat\ntest,2.jpg,cow\n", "the pool does not have: 'cow'"),
        ("pool,1.jpg,cat\npool,2.jpg,dog\ntest,1.jpg,cat\n", "without a test image: 'dog'"),
    ],
)
def test_a_set_that_cannot_be_measured_is_refused(tmp_path, rows, words):
    for name in ("pool/1.jpg", "pool/2.jpg", "test/1.jpg", "test/2.jpg"):
        touch(tmp_path / "mine" / name)
    (tmp_path / "mine" / "labels.csv").write_text("split,file,label\n" + rows)

    with pytest.raises(EvenpickError, match=words):
        open_data_set("mine", tmp_path, tmp_path)


def test_a_folder_of_no_known_form_and_a_missing_folder_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()

    with pytest.raises(EvenpickError, match="none of the known forms"):
        open_data_set("empty", tmp_path, tmp_path)
    with pytest.raises(EvenpickError, match="data set 'other' is not in"):
        open_data_set("other", tmp_path, tmp_path)
    with pytest.raises(EvenpickError, match="does not exist"):
        data_sets_in(tmp_path / "nowhere")
    assert data_sets_in(tmp_path) == ["empty"]


def test_images_outside_any_class_folder_are_named(tmp_path):
    for name in ("train/cat/1.jpg", "train/2.jpg", "test/cat/1.jpg"):
        touch(tmp_path / "mine" / name)

    with pytest.raises(EvenpickError, match=r"these lie in none: '2\.jpg'"):
        open_data_set("mine", tmp_path, tmp_path)
