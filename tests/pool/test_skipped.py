"""What was left out when embedding: written with the twin of each copy, and read from older files too."""

import os

from evenpick.pool import read_skipped
from evenpick.pool.skipped import Skipped, copy_of, lines_of_skipped

STRANGE = os.fsdecode(b"latin-\xe9, same content as.png")


def test_what_was_left_out_is_read_back_by_image(tmp_path):
    skipped = [
        Skipped("broken.jpg", "the file is empty"),
        copy_of("line\nbreak.png", "copy, of.png"),
        copy_of(STRANGE, "same content as a.png"),
    ]

    (tmp_path / "skipped.csv").write_bytes(lines_of_skipped(skipped))

    assert read_skipped(tmp_path) == {left_out.image_id: left_out for left_out in skipped}


def test_people_read_the_twin_in_the_reason_and_programs_in_its_column():
    data = lines_of_skipped([copy_of("a.jpg", "b.jpg", "7", "99"), Skipped("c.jpg", "the file is empty")])

    assert data == (
        b"image,reason,twin,size,mtime_ns\r\nb.jpg,same content as a.jpg,a.jpg,7,99\r\nc.jpg,the file is empty,,,\r\n"
    )


def test_a_file_of_before_there_was_the_column_is_read(tmp_path):
    (tmp_path / "skipped.csv").write_bytes(
        b"image,reason\r\nb.jpg,same content as a.jpg\r\nc.jpg,the file is empty\r\n"
    )

    assert read_skipped(tmp_path) == {
        "b.jpg": Skipped("b.jpg", "same content as a.jpg", "a.jpg"),
        "c.jpg": Skipped("c.jpg", "the file is empty"),
    }


def test_a_reason_that_only_sounds_like_a_copy_names_no_twin(tmp_path):
    (tmp_path / "skipped.csv").write_bytes(b"image,reason,twin\r\nb.jpg,same content as nothing,\r\n")

    assert read_skipped(tmp_path)["b.jpg"].twin is None


def test_a_workspace_without_the_file_left_nothing_out(tmp_path):
    assert read_skipped(tmp_path) == {}
