"""Which image an address of another tool shows."""

import pytest

from evenpick.images.addresses import path_of, resolve_addresses

KNOWN = {"1.jpg", "a/1.jpg", "a/2.jpg", "été & co.jpg", "caf\udce9.jpg", "my photo (3).jpg"}


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/data/local-files/?d=photos/a%20b/1.jpg", "photos/a b/1.jpg"),
        ("http://localhost:8080/data/local-files/?d=photos/1%2B1%26.jpg", "photos/1+1&.jpg"),
        ("https://host/photos/%C3%A9.jpg?signature=abc#top", "/photos/é.jpg"),
        ("s3://bucket/photos/1.jpg", "/photos/1.jpg"),
        ("photos/caf%E9.jpg", "photos/caf\udce9.jpg"),
        ("http://[broken/1.jpg", "http://[broken/1.jpg"),
    ],
)
def test_the_path_in_an_address_is_decoded(address, path):
    assert path_of(address) == path


@pytest.mark.parametrize("before", ["/data/local-files/?d=photos/", "https://host/x/a/", "s3://bucket/", ""])
def test_whatever_comes_before_the_ids_is_left_out(before):
    addresses = [before + path for path in ("1.jpg", "a/2.jpg", "%C3%A9t%C3%A9%20%26%20co.jpg", "caf%E9.jpg")]

    assert resolve_addresses(addresses, KNOWN) == ["1.jpg", "a/2.jpg", "été & co.jpg", "caf\udce9.jpg"]


def test_the_longest_id_is_meant():
    assert resolve_addresses(["photos/a/1.jpg"], KNOWN) == ["a/1.jpg"]


def test_an_image_of_another_folder_is_not_taken_for_one_whose_name_ends_the_same():
    assert resolve_addresses(["photos/a/2.jpg", "photos/b/1.jpg"], KNOWN) == ["a/2.jpg", "b/1.jpg"]


def test_an_uploaded_file_is_known_by_what_label_studio_leaves_of_its_name():
    addresses = ["/data/upload/3/0a1b2c3d-my_photo_3.jpg", "/data/upload/3/99999999-2.jpg"]

    assert resolve_addresses(addresses, KNOWN) == ["my photo (3).jpg", "a/2.jpg"]
    # Two images are called 1.jpg.
    assert resolve_addresses(["/data/upload/3/99999999-1.jpg"], KNOWN) == ["/data/upload/3/99999999-1.jpg"]


def test_a_name_with_the_signs_of_an_address_is_itself():
    assert resolve_addresses(["a#1?d=2%20.jpg"], {"a#1?d=2%20.jpg"}) == ["a#1?d=2%20.jpg"]


@pytest.mark.parametrize("before", ["C:\\Users\\ana\\photos\\", "photos\\", "\\\\nas\\share\\", ".\\"])
def test_paths_of_windows_are_read(before):
    assert resolve_addresses([f"{before}a\\1.jpg", f"{before}a\\2.jpg"], KNOWN) == ["a/1.jpg", "a/2.jpg"]


def test_a_label_studio_on_windows_has_backslashes_in_its_addresses():
    assert resolve_addresses(["/data/local-files/?d=photos\\a\\1.jpg"], KNOWN) == ["a/1.jpg"]


def test_accents_that_a_file_system_took_apart_are_the_same():
    assert resolve_addresses(["photos/e\u0301te\u0301 & co.jpg", "photos/1.jpg"], KNOWN) == ["été & co.jpg", "1.jpg"]


def test_an_image_may_be_named_without_its_extension_where_one_alone_is_called_so():
    assert resolve_addresses(["1", "a/2"], {"1.jpg", "a/2.png", "a/2.jpg"}) == ["1.jpg", "a/2"]


def test_a_box_keeps_its_number():
    assert resolve_addresses(["photos/1.jpg#2", "photos/1.jpg#1"], {"1.jpg#1", "1.jpg#2"}) == ["1.jpg#2", "1.jpg#1"]
