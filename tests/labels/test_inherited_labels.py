"""Labels of whole groups, out to files and in again."""

import csv

from evenpick.labels import Annotation, ImportOptions, LabelStore, effective_answers, export_file, import_file
from evenpick.workspace import Workspace


def answered(workspace):
    with LabelStore(workspace) as store:
        store.append(
            [Annotation("001.jpg", "cat", "discovery", None, ("000.jpg", "002.jpg"), ("003.jpg",), annotator="ann")]
        )


def test_an_exported_table_says_what_was_seen_and_import_takes_it_so_again(make_workspace, tmp_path):
    workspace, other = make_workspace(6), make_workspace(6, name="other", photos="workspace")
    answered(workspace)

    export_file(workspace, tmp_path / "out.csv", "csv", {})
    done = import_file(other, tmp_path / "out.csv", "bob")

    with (tmp_path / "out.csv").open(newline="") as file:
        rows = [(row["image"], row["label"], row["inherited_from"]) for row in csv.DictReader(file)]
    assert rows == [("001.jpg", "cat", ""), ("000.jpg", "cat", "001.jpg"), ("002.jpg", "cat", "001.jpg")]
    with LabelStore(other) as store:
        (said,) = effective_answers(store.entries())
    assert (said.image, said.label, said.inherited) == ("001.jpg", "cat", ("000.jpg", "002.jpg"))
    assert done.counts["labels imported"] == 3


def test_a_label_of_one_image_that_differs_from_its_group_is_kept(make_workspace, tmp_path):
    workspace = make_workspace(6)
    answered(workspace)
    (tmp_path / "one.csv").write_text("image,label\n002.jpg,dog\n")

    import_file(workspace, tmp_path / "one.csv", "bob", ImportOptions(replacing=True))

    labels = Workspace(workspace).labels
    assert dict(zip(labels.image_ids, labels.names, strict=True)) == {
        "001.jpg": "cat",
        "000.jpg": "cat",
        "002.jpg": "dog",
    }


def test_folders_hold_the_images_that_inherited_their_label(make_workspace, tmp_path):
    workspace = make_workspace(6)
    answered(workspace)

    export_file(workspace, tmp_path / "out", "folder", {})

    assert sorted(path.name for path in (tmp_path / "out" / "cat").iterdir()) == ["000.jpg", "001.jpg", "002.jpg"]
