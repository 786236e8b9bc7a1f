"""Lists of classes that are known before anybody labels."""

import pytest

from evenpick.errors import EvenpickError
from evenpick.labels.class_list import ClassList, ListedClass, keep_class_list, kept_class_list, read_class_list


def read(tmp_path, text, closed=False):
    file = tmp_path / "classes.txt"
    file.write_text(text, encoding="utf-8")
    return read_class_list(file, {"a/1.jpg"}, closed)


def test_a_name_a_line(tmp_path):
    found = read(tmp_path, "\ufeffcat\n\n red  fox \ncat, domestic\nCat\n", closed=True)

    assert found.names == ["cat", "red fox", "cat, domestic", "Cat"]
    assert found.closed


def test_a_table_gives_keys_notes_and_examples(tmp_path):
    found = read(tmp_path, 'name,key,note,example\ncat,C,"small, furry",a/1.jpg\ndog\n')

    assert found.classes == (ListedClass("cat", "c", "small, furry", "a/1.jpg"), ListedClass("dog"))


def test_a_double_quote_within_a_cell_is_one_like_any_other_sign(tmp_path):
    assert read(tmp_path, 'name,note\n12" ruler,x\npen,5" long\n\ncup,"a ""red"" one"\n').classes == (
        ListedClass('12" ruler', note="x"),
        ListedClass("pen", note='5" long'),
        ListedClass("cup", note='a "red" one'),
    )


def test_of_two_columns_of_one_name_the_first_counts(tmp_path):
    assert read(tmp_path, "name,note,Name\ncat,soft,dog\n").classes == (ListedClass("cat", note="soft"),)


def test_a_note_may_go_over_several_lines_and_the_lines_are_counted_on(tmp_path):
    text = 'name,note\n\ncat,"small\nfurry"\n  \ndog\n,none\n'
    with pytest.raises(EvenpickError, match="line 7: a class name must be a text"):
        read(tmp_path, text)

    assert read(tmp_path, text.replace("\n,none", "")).classes == (
        ListedClass("cat", note="small\nfurry"),
        ListedClass("dog"),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "names no class"),
        ("name,key\n", "names no class"),
        ("cat\ncat\n", "line 2: name 'cat' is there twice"),
        ("name,key\ncat,1\ndog,1\n", "line 3: key '1' is there twice"),
        ("name,key\ncat,0\n", "line 2: a key must be one of 1 to 9 and a to z; got '0'"),
        ("name,key\n,1\n", "line 2: a class name must be a text"),
        ('name,key\ndog,1\n"roe\ndeer",2\n', "line 3: a class name must be on one line"),
        (
            'key,name\n1,"dog\n2,cat\n',
            "cannot be read: unexpected end of data, in the row that begins in line 2; close its double quotes",
        ),
        (
            'name,note\nruler,3 cm\nruler,"12 inch\npen,"blue"\ncup,red\n',
            "cannot be read: .* in the row that begins in line 3; close its double quotes",
        ),
        ('name,"note\ncat,\n', "cannot be read: .* in the row that begins in line 1; close its double quotes"),
        ('name\ncat\n""\n', "line 3: a class name must be a text"),
        pytest.param("name\n" + "x" * 200_000, "cannot be read: field larger than", id="a long field"),
        ("name,example\ncat,b.jpg\n", "line 2: example 'b.jpg' is not in the pool"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text, reason):
    with pytest.raises(EvenpickError, match=reason):
        read(tmp_path, text)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(EvenpickError, match="cannot be read: No such file"):
        read_class_list(tmp_path / "none.txt", (), False)
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(EvenpickError, match="cannot be read: save it as UTF-8"):
        read_class_list(tmp_path / "latin.txt", (), False)


def test_a_list_is_kept_in_the_workspace(tmp_path):
    assert kept_class_list(tmp_path) == ClassList()
    classes = ClassList((ListedClass("หมี", "m", "note"), ListedClass("dog")), closed=True)
    keep_class_list(tmp_path, classes)
    assert kept_class_list(tmp_path) == classes
    (tmp_path / "classes.json").write_text("{")
    with pytest.raises(EvenpickError, match="is damaged"):
        kept_class_list(tmp_path)
