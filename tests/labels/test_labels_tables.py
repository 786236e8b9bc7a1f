"""Label tables in and out."""

import csv
import re

import pytest

from evenpick.errors import EvenpickError
from evenpick.labels import Annotation, LabelStore, Rename, TableOptions, Undo, read_labels, write_selection
from evenpick.labels.tables import export_labels


def written(tmp_path, text, encoding="utf-8"):
    file = tmp_path / "labels.csv"
    file.write_bytes(text.encode(encoding))
    return file


@pytest.mark.parametrize("header", ["image,label", "file,class", "path,other,category", "\ufeffimage,label"])
def test_columns_go_by_the_names_that_tools_give_them(header, tmp_path):
    row = "a.jpg,x,cat" if header.count(",") == 2 else "a.jpg,cat"

    table = read_labels(written(tmp_path, f"{header}\n{row}\n"), ["a.jpg"])

    assert table.labels == {"a.jpg": "cat"}


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_lines_end_as_on_any_system(end, tmp_path):
    file = written(tmp_path, end.join(["image;label", "a.jpg;cat", "b.jpg;dog", ""]))

    assert read_labels(file, ["a.jpg", "b.jpg"]).labels == {"a.jpg": "cat", "b.jpg": "dog"}


def test_rows_without_a_label_are_counted_and_passed_over(tmp_path):
    table = read_labels(written(tmp_path, "image,label\na.jpg,\nb.jpg, cat \n"), ["a.jpg", "b.jpg"])

    assert (table.labels, table.unlabelled) == ({"b.jpg": "cat"}, 1)


def test_only_the_rows_of_a_split_are_read(tmp_path):
    file = written(tmp_path, "split,file,label\npool,0.jpg,cat\ntest,0.jpg,dog\n")

    assert read_labels(file, ["0.jpg"], options=TableOptions("test")).labels == {"0.jpg": "dog"}


def test_names_with_commas_newlines_and_emoji_go_through(tmp_path, make_pool):
    names = ['with,comma "quoted".jpg', "two\nlines.jpg", "🦩/été.jpg"]
    pool = make_pool(n=3)
    object.__setattr__(pool, "image_ids", names)
    write_selection(tmp_path / "selection.csv", pool, [2, 0, 1])
    with (tmp_path / "selection.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.reader(handle))
    assert [row[0] for row in rows[1:]] == [names[2], names[0], names[1]]

    for row in rows[1:]:
        row[1] = "cat"
    with (tmp_path / "selection.csv").open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    assert set(read_labels(tmp_path / "selection.csv", names).labels) == set(names)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ('{"image": "a.jpg", "label": "cat"}, ' * 200, TableOptions()),
        ("x" * 6000, TableOptions()),
        ("x" * 6000, TableOptions(image_column="frame")),
        ("image,label," + "y" * 6000 + "\na.jpg,cat,", TableOptions("train")),
        ("image,label\n" + "z" * 6000 + ",cat", TableOptions()),
    ],
)
def test_no_message_quotes_a_whole_file(text, options, tmp_path):
    with pytest.raises(EvenpickError) as refused:
        read_labels(written(tmp_path, text), ["a.jpg"], (), options)

    said = str(refused.value)
    assert "..." in said
    assert max(map(len, re.findall("[xyz]+", said))) <= (255 if "z" * 9 in text else 100)
    assert len(said) < 600 + len(str(tmp_path))


def test_a_row_without_a_label_says_nothing_of_whatever_image_it_names(tmp_path):
    table = read_labels(written(tmp_path, "image,label\na.jpg,cat\nz.jpg,\n"), ["a.jpg"])

    assert (table.labels, table.unlabelled, table.unknown) == ({"a.jpg": "cat"}, 1, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,label\nz.jpg,cat\n", "names 1 image that is not in the pool: 'z.jpg'"),
        ("image,label\na.jpg,cat\na.jpg,dog\n", "labels image 'a.jpg' twice, as 'cat' and 'dog'"),
        (
            "frame,label\na.jpg,cat\n",
            r"needs a first line with a column 'image' \(or file.*\), or say --image-column; found frame, label",
        ),
        ("image\na.jpg\n", "needs a first line with a column 'label'"),
        ("", "found none"),
        ('image,label\n"a.jpg,cat\n', "is no CSV table"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused(text, message, tmp_path):
    with pytest.raises(EvenpickError, match=message):
        read_labels(written(tmp_path, text), ["a.jpg"])


@pytest.mark.parametrize(
    ("name", "encoding", "message"),
    [
        ("x" * 201, "utf-8", r"', line 4: a class name must have at most 200 characters, .*x$"),
        ('"roe\ndeer"', "utf-8", r"', line 5: a class name must be on one line, .*; got 'roe\\ndeer'$"),
        ("a\x07b", "utf-8", r"', line 4: a class name must have .* none of them a control character; got 'a\\x07b'$"),
        ("été", "latin-1", r"', line 4: a class name must have .*; save the file as UTF-8$"),
    ],
)
def test_a_class_name_that_cannot_be_kept_is_refused_with_its_line(name, encoding, message, tmp_path):
    # The image of the second row has a line break in its name, so that rows and lines differ.
    file = written(tmp_path, f'image,label\n"a\nb.jpg",cat\nc.jpg,{name}\n', encoding)

    with pytest.raises(EvenpickError, match=message):
        read_labels(file, ["a\nb.jpg", "c.jpg"])


def test_a_dot_and_a_slash_before_an_image_mean_the_folder_itself(tmp_path):
    table = read_labels(written(tmp_path, "image,label\n./a.jpg,cat\n./.b/./c.jpg,dog\n"), ["a.jpg", ".b/./c.jpg"])

    assert table.labels == {"a.jpg": "cat", ".b/./c.jpg": "dog"}


@pytest.mark.parametrize("empty", ["", "  ", "\t"])
def test_a_label_of_blanks_alone_is_not_labelled_yet(empty, tmp_path):
    table = read_labels(written(tmp_path, f"image,label\na.jpg,{empty}\n"), ["a.jpg"])

    assert (table.labels, table.unlabelled) == ({}, 1)


def test_a_missing_file_and_a_missing_split_column_are_named(tmp_path):
    with pytest.raises(EvenpickError, match="does not exist"):
        read_labels(tmp_path / "gone.csv", [])
    with pytest.raises(EvenpickError, match="column 'split'"):
        read_labels(written(tmp_path, "image,label\n"), [], options=TableOptions("test"))


def test_the_same_label_twice_is_no_contradiction(tmp_path):
    assert read_labels(written(tmp_path, "image,label\na.jpg,cat\na.jpg,cat\n"), ["a.jpg"]).labels == {"a.jpg": "cat"}


def test_images_that_embed_left_out_are_passed_over_and_listed(tmp_path):
    table = read_labels(written(tmp_path, "image,label\na.jpg,cat\nbad.jpg,dog\n"), ["a.jpg"], ["bad.jpg"])

    assert (table.labels, table.skipped) == ({"a.jpg": "cat"}, ["bad.jpg"])


def test_export_holds_what_stands_and_can_be_imported_again(tmp_path):
    with LabelStore(tmp_path) as store:
        ids = store.append(
            [Annotation("a", "cat", "discovery", annotator="me"), Annotation("b", "dog", "discovery", annotator="me")]
        )
        store.append([Undo(ids[1], annotator="me"), Rename("cat", "lion", annotator="me")])
        assert export_labels(tmp_path / "out.csv", store) == 1

    assert read_labels(tmp_path / "out.csv", ["a", "b"]).labels == {"a": "lion"}
