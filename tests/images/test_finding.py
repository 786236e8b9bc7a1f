"""Finding images below a folder: every name, no workspace, no loop, and what cannot be listed is told."""

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image, features

from evenpick.errors import EvenpickError
from evenpick.images import find_images, kinds
from evenpick.images.kinds import HEAD, IMAGE_NAMES, kind_of
from evenpick.installing import install_command


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


@pytest.mark.parametrize("extension", sorted(IMAGE_NAMES))
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


def encoded(kind, **options):
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(buffer, kind, **options)
    return buffer.getvalue()


READ = [
    "JPEG",
    "PNG",
    "GIF",
    "WEBP",
    "TIFF",
    "BMP",
    "PPM",
    "JPEG2000",
    *(["AVIF"] if "avif" in features.get_supported() else []),
]
NOT_READ = {
    "HEIC": b"\0\0\0\x18ftypheic" + bytes(20),
    "JPEG XL": b"\xff\x0a" + bytes(20),
    "camera raw": b"\0\0\0\x18ftypcrx " + bytes(20),
    "video": b"\0\0\0\x20ftypisom" + bytes(20),
    "DICOM": bytes(128) + b"DICM" + bytes(20),
    "PDF": b"%PDF-1.7\n",
    "SVG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">',
    "FITS": b"SIMPLE  =                    T",
    "Photoshop": b"8BPS\0\1",
}


def found_and_told(folder, **options):
    told = {}
    return find_images(folder, told.__setitem__, **options), told


@pytest.mark.parametrize("kind", READ)
@pytest.mark.parametrize("name", ["scan", "00000001.0002", "photo.HEIC", "x.dat"])
def test_an_image_is_known_by_its_content_whatever_its_name(kind, name, tmp_path):
    (tmp_path / name).write_bytes(encoded(kind))

    assert find_images(tmp_path) == [name]


@pytest.mark.parametrize("kind", NOT_READ)
@pytest.mark.parametrize("name", ["scan", "x.HEIC", "x.mp4", "x.dcm"])
def test_what_is_like_an_image_and_not_read_is_told_with_its_kind(kind, name, tmp_path, monkeypatch):
    monkeypatch.setattr(kinds, "find_spec", lambda package: None)  # no extra is installed
    kinds.why_not_read.cache_clear()
    (tmp_path / name).write_bytes(NOT_READ[kind])
    touch(tmp_path, "seen.jpg")

    found, told = found_and_told(tmp_path)

    kinds.why_not_read.cache_clear()
    assert found == ["seen.jpg"]
    assert list(told) == [name]
    assert told[name].startswith(f"not read: {kind}")
    extra = {"HEIC": "heif", "DICOM": "dicom"}.get(kind)
    assert ("needs: " in told[name]) == (extra is not None)
    assert extra is None or install_command(extra) in told[name]


def test_a_camera_raw_file_is_no_tiff_though_it_begins_as_one(tmp_path):
    (tmp_path / "a.DNG").write_bytes(encoded("TIFF"))
    (tmp_path / "b.dng").write_bytes(encoded("JPEG"))

    found, told = found_and_told(tmp_path)

    assert (found, told) == (["b.dng"], {"a.DNG": "not read: camera raw"})


def test_text_code_and_archives_are_not_opened_and_other_names_only_at_their_beginning(tmp_path, monkeypatch):
    for name in ("notes.txt", "a.zip", "table.CSV", "plain.jpg", "what", "what.else"):
        (tmp_path / name).write_bytes(bytes(5000))
    reads = []
    plain_open = Path.open

    def counted(path, *args, **options):
        file = plain_open(path, *args, **options)
        reads.append(path.name)
        return file

    monkeypatch.setattr(Path, "open", counted)

    assert find_images(tmp_path) == ["plain.jpg"]
    assert sorted(reads) == ["what", "what.else"]
    assert HEAD == 264


@pytest.mark.parametrize(
    "text", [b"", b"B", b"BM is a text", b"P", b"Peter", b"GIF", b"II is two", b"\0\0\1\0", b"hello " * 60]
)
def test_texts_and_short_files_are_no_images(text):
    assert kind_of(text) == ""


def test_linked_class_folders_are_followed_and_each_folder_counts_once(tmp_path):
    """Classes as links to folders elsewhere; a link to a folder within is reached by its own path already."""
    touch(tmp_path, "store/cat/1.jpg", "store/dog/2.jpg", "photos/fox/3.jpg")
    folder = tmp_path / "photos"
    (folder / "cat").symlink_to(tmp_path / "store" / "cat")
    (folder / "dog").symlink_to("../store/dog")
    (folder / "again").symlink_to(tmp_path / "store" / "cat")
    (folder / "a_fox").symlink_to("fox")

    assert find_images(folder) == ["again/1.jpg", "dog/2.jpg", "fox/3.jpg"]


def test_loops_of_links_end_wherever_they_lead(tmp_path):
    touch(tmp_path, "photos/a/1.jpg", "beside/2.jpg", "far/3.jpg")
    folder = tmp_path / "photos"
    (folder / "up").symlink_to(tmp_path)  # above the folder: what lies beside it is not meant
    (folder / "a" / "here").symlink_to(".")
    (folder / "a" / "round").symlink_to(folder / "a" / "round")
    (folder / "far").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "back").symlink_to(folder)
    (tmp_path / "far" / "itself").symlink_to(tmp_path / "far")

    assert find_images(folder) == ["a/1.jpg", "far/3.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_only_regular_files_are_images_and_others_are_told(tmp_path):
    touch(tmp_path, "seen.jpg")
    os.mkfifo(tmp_path / "p.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")  # its name is no image's

    found, told = found_and_told(tmp_path)

    assert found == ["seen.jpg"]
    assert told == {
        "p.jpg": "no regular file but a named pipe",
        "zero.jpg": "no regular file but a device",
        "gone.jpg": "a link that leads nowhere: No such file or directory",
    }


@pytest.mark.parametrize("name", ["@eaDir", "__MACOSX", "$RECYCLE.BIN", "lost+found", ".thumbnails", "#recycle"])
def test_folders_of_thumbnails_and_deleted_files_are_passed_over(name, tmp_path):
    touch(tmp_path, "seen.jpg", f"a/{name}/SYNOPHOTO_THUMB_M.jpg")

    assert find_images(tmp_path) == ["seen.jpg"]


def test_patterns_exclude_as_in_gitignore(tmp_path):
    touch(tmp_path, "a/1.jpg", "a/1_mask.png", "b/2.jpg", "b/c/3.jpg", "d/b/4.jpg", "5.jpg")

    def left(*patterns):
        return find_images(tmp_path, exclude=patterns)

    assert left("*_mask.png") == ["5.jpg", "a/1.jpg", "b/2.jpg", "b/c/3.jpg", "d/b/4.jpg"]
    assert left("/b/", "*_mask.*") == ["5.jpg", "a/1.jpg", "d/b/4.jpg"]
    assert left("b") == ["5.jpg", "a/1.jpg", "a/1_mask.png"]
    assert left("*.jpg", "!5.jpg") == ["5.jpg", "a/1_mask.png"]
    with pytest.raises(EvenpickError, match="a pattern to exclude is none"):
        left("!")


def test_an_archive_in_place_of_a_folder_says_what_it_is(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("1.jpg", b"")
    with tarfile.open(tmp_path / "photos.tar", "w") as tar:
        tar.add(tmp_path / "photos.zip", "1.jpg")
    (tmp_path / "one.jpg").write_bytes(encoded("JPEG"))

    for name, words in (
        ("photos.zip", "is a ZIP archive, not a folder: unpack it first"),
        ("photos.tar", "is a tar archive, not a folder: unpack it first"),
        ("one.jpg", r"is a file \(JPEG\), not a folder: name the folder that it lies in"),
    ):
        with pytest.raises(EvenpickError, match=f"{name}' {words}$"):
            find_images(tmp_path / name)


def test_a_folder_of_files_that_are_not_read_says_what_they_are(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(NOT_READ["video"])
    (tmp_path / "c.jxl").write_bytes(NOT_READ["JPEG XL"])

    with pytest.raises(
        EvenpickError, match=r"holds no image, in it or below, but files that are not read: 2 video, 1 JPEG XL$"
    ):
        find_images(tmp_path)


def test_a_missing_folder_and_one_without_images_are_refused(tmp_path):
    touch(tmp_path, "notes.txt", ".hidden.jpg")

    with pytest.raises(EvenpickError, match="gone' does not exist"):
        find_images(tmp_path / "gone")
    with pytest.raises(EvenpickError, match=r"notes\.txt' is a file, not a folder: name the folder that it lies in$"):
        find_images(tmp_path / "notes.txt")
    with pytest.raises(EvenpickError, match=r"holds no image, in it or below$"):
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
        for parent in folder.parents[
            :4
        ]:  # what pytest makes for one user alone, one more folder with several processes
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

    assert message.endswith(f"in it or below; '{folder / 'locked'}' cannot be listed: Permission denied")
