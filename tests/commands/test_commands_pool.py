"""Sources, embed and diagnose as a person types them."""

import csv

import numpy as np

from evenpick.labels import Annotation, LabelStore
from evenpick.sources import SOURCES


def test_broken_images_are_listed_and_do_not_stop_the_run(evenpick, photo_folder, tmp_path, source_cache):
    whole = (photo_folder / "a" / "01.jpg").read_bytes()
    (photo_folder / "cut.jpg").write_bytes(whole[:300])
    (photo_folder / "text.jpg").write_text("not an image")
    (photo_folder / "empty.jpg").write_bytes(b"")
    (photo_folder / "copy.jpg").write_bytes(whole)

    output = evenpick("embed", tmp_path / "work", photo_folder)

    assert "4 images were left out" in output
    assert "12 images in the pool" in output
    with (tmp_path / "work" / "skipped.csv").open() as handle:
        reasons = {row["image"]: row["reason"] for row in csv.DictReader(handle)}
    assert set(reasons) == {"cut.jpg", "text.jpg", "empty.jpg", "copy.jpg"} ^ (
        {"copy.jpg", "a/01.jpg"} if "a/01.jpg" in reasons else set()
    )
    assert reasons["empty.jpg"] == "the file is empty"


def test_a_workspace_of_another_version_is_refused(evenpick, workspace):
    state = workspace / "pool" / "pool.json"
    state.write_text(state.read_text().replace('"format": 2', '"format": 99'))

    assert "has format 99" in evenpick("select", workspace, "--budget", 3, code=1)


def test_sources_are_listed_with_their_licences(evenpick):
    output = evenpick("sources")

    assert "Apache-2.0" in output
    assert max(len(line) for line in output.splitlines()) <= 80
    assert all(f" {row.usage} " in output for row in SOURCES.values())


def test_embed_says_which_images_are_groups_and_takes_changes_by_hand(evenpick, photo_folder, tmp_path, source_cache):
    work = tmp_path / "work"

    output = evenpick("embed", work, photo_folder, "--group-by", "^(.)")

    assert f"12 images in 2 groups that show the same thing each; see '{work / 'groups.csv'}'." in output
    lines = (work / "groups.csv").read_text().splitlines()
    (work / "groups.csv").write_text("\n".join(line for line in lines if not line.startswith("a/01")))
    assert "11 images in 2 groups" in evenpick("embed", work, photo_folder)


def test_a_wrong_way_of_grouping_is_told_before_the_images_are_looked_at(
    evenpick, photo_folder, tmp_path, source_cache
):
    output = evenpick("embed", tmp_path / "work", photo_folder, "--group-by", "(", code=1)

    assert "--group-by '(' is no regular expression" in output
    assert not (tmp_path / "work" / "pool").exists()


def test_features_from_elsewhere_are_taken_in_place_of_images(evenpick, tmp_path):
    np.save(tmp_path / "f.npy", np.random.default_rng(0).normal(size=(6, 4)))
    (tmp_path / "ids.csv").write_text("image\n" + "".join(f"{i}.jpg\n" for i in range(6)))
    taken = ("--features", tmp_path / "f.npy", "--ids", tmp_path / "ids.csv")

    assert "6 images in the pool" in evenpick("embed", tmp_path / "work", *taken)

    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "4.jpg").write_bytes(b"")
    output = evenpick("embed", tmp_path / "with", tmp_path / "photos", *taken)
    assert f"5 of them are not in '{tmp_path / 'photos'}' and will not be asked for." in output
    assert "--features and --ids go together" in evenpick("embed", tmp_path / "x", *taken[:2], code=2)
    words = ("--class-names", tmp_path / "ids.csv")
    assert "--features bring no network for words" in evenpick("embed", tmp_path / "x", *taken, *words, code=2)
    assert "Missing argument 'FOLDER'" in evenpick("embed", tmp_path / "x", code=2)


def test_what_became_of_each_file_is_counted(evenpick, photo_folder, tmp_path, source_cache):
    evenpick("embed", tmp_path / "work", photo_folder, "--group-by", "none")
    (photo_folder / "a" / "01.jpg").rename(photo_folder / "moved.jpg")
    (photo_folder / "a" / "03.jpg").unlink()
    (photo_folder / "a" / "05.jpg").write_bytes((photo_folder / "b c" / "00.jpg").read_bytes()[:-40] + b"x" * 40)

    output = evenpick("embed", tmp_path / "work", photo_folder)

    assert "1 moved" in output
    assert "1 gone" in output
    assert "1 replaced" in output
    assert "9 unchanged, 0 left out." in output
    moved = tmp_path / "elsewhere"
    photo_folder.rename(moved)
    evenpick("embed", tmp_path / "work", moved, code=1)
    assert "11 unchanged" in evenpick("embed", tmp_path / "work", moved, "--moved")


def test_embed_says_what_to_look_at_again_until_somebody_answers(evenpick, photo_folder, tmp_path, source_cache):
    embed = ["embed", tmp_path / "work", photo_folder]
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label\na/05.jpg,a\na/07.jpg,a\n")
    evenpick(*embed)
    evenpick("import", tmp_path / "work", labels)
    for name in ("05", "07"):
        photo = photo_folder / "a" / f"{name}.jpg"
        photo.write_bytes(photo.read_bytes()[:-40] + b"x" * 40)
    again = "Look again at 2 labelled images that were replaced: 'a/05.jpg', 'a/07.jpg'."

    assert again in evenpick(*embed)
    assert again in evenpick(*embed), "nobody has answered since"
    with LabelStore(tmp_path / "work") as store:
        store.append([Annotation(image, "a", annotator="b") for image in ("a/05.jpg", "a/07.jpg")])
    assert "Look again" not in evenpick(*embed)


def test_a_damaged_record_of_labels_does_not_end_an_embed_that_has_done_its_work(
    evenpick, photo_folder, tmp_path, source_cache
):
    evenpick("embed", tmp_path / "work", photo_folder)
    (tmp_path / "work" / "labels.sqlite").write_bytes(b"no record" * 100)

    output = evenpick("embed", tmp_path / "work", photo_folder)

    assert "images in the pool" in output
    assert "Whether labelled images were replaced cannot be told: " in output
    assert "labels.sqlite' is not a record of labels" in output
