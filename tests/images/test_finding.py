"""Finding images below a folder: every name, no workspace, no loop, and what cannot be listed is told."""

import os
import subprocess
import sys

import pytest

from evenpick.errors import EvenpickError
from evenpick.images import find_images
from evenpick.images.finding import EXTENSIONS


def touch(folder, *names):
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")


def test_images_are_found_at_any_depth_in_the_order_of_their_paths(tmp_path):
    touch(tmp_path, "z.jpg", "b/c/2.png", "b/c/10.png", "a.gif", "b/notes.txt", "b/model.onnx", "jpg")

    assert find_images(tmp_path) == ["a.gif", "b/c/10.png", "b/c/2.png", "z.jpg"]


def test_strange_names_are_kept_as_they_are(tmp_path):
    names = [" lead.jpg", "two  words.jpg", "line\nbreak.jpg", 'comma,quote".jpg', "\U0001f9a9/été.jpg", "a.b.jpg"]
    names.append(os.fsdecode(b"latin-\xe9.jpg"))
    touch(tmp_path, *names)

    assert find_images(tmp_path) == sorted(names)


@pytest.mark.parametrize("extension", sorted(EXTENSIONS))
def test_extensions_are_known_in_either_case(extension, tmp_path):
    touch(tmp_path, f"small{extension}", f"LARGE{extension.upper()}")

    assert find_images(tmp_path) == [f"LARGE{extension.upper()}", f"small{extension}"]


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    touch(tmp_path, "seen.jpg", ".hidden.jpg", ".thumbnails/x.jpg", "a/._seen.jpg", "a/.b/c/d.jpg")

    assert find_images(tmp_path) == ["seen.jpg"]


def test_workspaces_inside_the_folder_are_passed_over(tmp_path):
    touch(tmp_path, "seen.jpg", "work/pool/pool.json", "work/report/figure.png", "work/pool/x.jpg", "pool/y.jpg")

    assert find_images(tmp_path) == ["pool/y.jpg", "seen.jpg"]


def test_a_loop_of_links_ends(tmp_path):
    touch(tmp_path, "a/photo.jpg")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)

    assert find_images(tmp_path) == ["a/photo.jpg"]


def test_a_linked_image_is_an_image(tmp_path):
    touch(tmp_path, "elsewhere/photo.jpg")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.jpg").symlink_to(tmp_path / "elsewhere" / "photo.jpg")

    assert find_images(folder) == ["link.jpg"]


def test_a_missing_folder_and_one_without_images_are_refused(tmp_path):
    touch(tmp_path, "notes.txt", ".hidden.jpg")

    with pytest.raises(EvenpickError, match="gone' does not exist"):
        find_images(tmp_path / "gone")
    with pytest.raises(EvenpickError, match=r"notes\.txt' does not exist"):
        find_images(tmp_path / "notes.txt")
    with pytest.raises(EvenpickError, match=r"holds no image; looked for \.bmp, .*\.webp in it and below"):
        find_images(tmp_path)


LIST_AS_NOBODY = """
import os, sys
from pathlib import Path
from evenpick.errors import EvenpickError
from evenpick.images import find_images
if os.getuid() == 0:
    os.setuid(65534)
try:
    print(find_images(Path(sys.argv[1]), lambda name, reason: print(name, reason)))
except EvenpickError as error:
    print(error)
"""


@pytest.fixture
def list_as_nobody():
    """List a folder in a process that may not look everywhere, whoever runs the tests."""
    if not hasattr(os, "setuid"):
        pytest.skip("this system has no users to change to")

    def run(folder):
        for parent in folder.parents[:3]:  # what pytest makes for one user alone
            parent.chmod(parent.stat().st_mode | 0o055)
        command = [sys.executable, "-c", LIST_AS_NOBODY, folder]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    return run


@pytest.mark.slow
@pytest.mark.parametrize("mode", [0o000, 0o600])
def test_folders_that_cannot_be_listed_are_told_and_the_others_are_searched(mode, tmp_path, list_as_nobody):
    folder = tmp_path / "photos"
    touch(folder, "a/1.jpg", "b/locked/2.jpg", "3.jpg")
    (folder / "b" / "locked").chmod(mode)
    try:
        listed = list_as_nobody(folder)
    finally:
        (folder / "b" / "locked").chmod(0o700)

    assert listed == ["b/locked/ Permission denied", "['3.jpg', 'a/1.jpg']"]


def test_a_folder_whose_images_lie_where_it_cannot_be_listed_says_so(tmp_path, list_as_nobody):
    folder = tmp_path / "photos"
    touch(folder, "locked/1.jpg")
    (folder / "locked").chmod(0)
    try:
        (message,) = list_as_nobody(folder)
    finally:
        (folder / "locked").chmod(0o700)

    assert message.endswith(f"in it and below; '{folder / 'locked'}' cannot be listed: Permission denied")
