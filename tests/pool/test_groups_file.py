"""`groups.csv` as evenpick and people write it."""

import os

import pytest
from written_pools import parts, written

from evenpick.errors import EvenpickError
from evenpick.pool import Pool
from evenpick.pool.images_csv import ImageRow

IDS = [f"{i:02d}.jpg" for i in range(9)]


@pytest.fixture
def groups_of(tmp_path):
    """The groups of the pool whose `groups.csv` holds the text."""

    def read(text, encoding="utf-8"):
        if not (tmp_path / "pool").is_dir():
            written(tmp_path, parts())
        (tmp_path / "groups.csv").write_text(text, encoding)
        return Pool.open(tmp_path).groups

    return read


def test_images_of_one_name_are_one_group_and_others_stand_alone(groups_of):
    groups = groups_of("image,group,reason\n03.jpg,a,time\n01.jpg,00.jpg,\n08.jpg,a,time\n04.jpg,00.jpg,by hand\n")

    # 00.jpg, whose name is that of a group, is not named in the file and stands alone.
    assert groups.tolist() == [0, 1, 2, 3, 1, 4, 5, 6, 3]


def test_a_workspace_without_the_file_has_no_groups(tmp_path):
    written(tmp_path, parts())

    assert Pool.open(tmp_path).groups is None


@pytest.mark.parametrize("lines", ["", "01.jpg,a,\n02.jpg,b,\n", "01.jpg,,\n02.jpg,,\n03.jpg, ,by hand\n,,\n"])
def test_images_with_a_group_of_their_own_or_none_stand_alone(groups_of, lines):
    assert groups_of("image,group,reason\n" + lines) is None


def test_a_table_as_a_spreadsheet_saves_it_is_read(groups_of):
    text = "group,image\r\n a ,01.jpg\r\na,02.jpg\r\na,02.jpg\r\n"

    assert groups_of(text, "utf-8-sig").tolist() == [0, 1, 1, 2, 3, 4, 5, 6, 7]


def test_semicolons_and_tabs_as_spreadsheets_of_other_countries_write_them_are_read(groups_of):
    lines = ["image,group,reason", "01.jpg,a,", "02.jpg,a,", "05.jpg,b", "06.jpg,b"]
    expected = groups_of("\n".join(lines)).tolist()

    assert expected == [0, 1, 1, 2, 3, 4, 4, 5, 6]
    for sign, encoding in ((";", "utf-8-sig"), ("\t", "utf-16")):
        assert groups_of("\n".join(lines).replace(",", sign), encoding).tolist() == expected


def test_images_whose_names_are_no_utf8_are_found(tmp_path):
    _, *arrays = parts([2])[0]
    written(tmp_path, [([ImageRow(os.fsdecode(b"\xe9.jpg"), "x"), ImageRow("b.jpg", "y")], *arrays)])
    (tmp_path / "groups.csv").write_bytes(b"image,group,reason\n\xe9.jpg,x,\nb.jpg,x,\n")

    assert Pool.open(tmp_path).groups.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,group\nx.jpg,a\n01.jpg,a\ny.jpg,b\n", "names 2 images that are not in the pool: 'x.jpg', 'y.jpg'"),
        ("image,group\n01.jpg,a\n01.jpg,b\n", "puts image '01.jpg' into two groups, 'a' and 'b'"),
        ("image,label\n01.jpg,a\n", "needs a first line with the columns image, group, reason; found image, label"),
        ("", "needs a first line .* found none"),
        ('image,group\n01.jpg,"a\n', "is no CSV table"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(groups_of, text, said):
    with pytest.raises(EvenpickError, match=said) as error:
        groups_of(text)

    assert "\n" not in str(error.value)
