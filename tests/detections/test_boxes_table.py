"""Boxes as CSV."""

import pytest

from evenpick.detections.reading import read_detections
from evenpick.errors import EvenpickError


def written(tmp_path, text):
    file = tmp_path / "boxes.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_every_line_is_a_box_and_other_columns_are_kept(tmp_path):
    file = written(
        tmp_path, "\ufeffimage,x,y,width,height,tray\n./a.jpg,1,2,3.5,4,T1\na.jpg,5,6,7,8,T2\nb.jpg,,,,,T3\n"
    )

    found = read_detections(file)

    assert [(box.box, dict(box.other)) for box in found.images["a.jpg"]] == [
        ((1.0, 2.0, 3.5, 4.0), {"tray": "T1"}), ((5.0, 6.0, 7.0, 8.0), {"tray": "T2"}),
    ]  # fmt: skip
    assert found.images["b.jpg"] == []


def test_category_and_confidence_are_read_where_they_are(tmp_path):
    found = read_detections(written(tmp_path, "image,x,y,width,height,category,confidence\na.jpg,1,2,3,4,moth,0.25\n"))

    assert (found.images["a.jpg"][0].category, found.images["a.jpg"][0].confidence) == ("moth", 0.25)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,x,y,w,h\n", "needs a first line with the columns image, x, y, width, height; it has no width, height"),
        ("image,x,y,width,height\na.jpg,1,2,3,4\na.jpg,1,2,three,4\n", "line 3: 'width' must be a finite number; got 'three'"),
        ("image,x,y,width,height\na.jpg,1,2,inf,4\n", "line 2: 'width' must be a finite number"),
        ("image,x,y,width,height\na.jpg,1,2,3\n", "line 2: it must have as many cells as the first line"),
        ("image,x,y,width,height\na.jpg,1,2,3,4,5\n", "line 2: it must have as many cells as the first line"),
        ("image,x,y,width,height,confidence\na.jpg,1,2,3,4,1.5\n", "line 2: 'confidence' must be from 0 to 1; got 1.5"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(tmp_path, text, message):
    with pytest.raises(EvenpickError, match=message):
        read_detections(written(tmp_path, text))
