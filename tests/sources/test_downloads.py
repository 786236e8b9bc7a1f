"""Networks by their address, from a server on this machine: fetched once, and only with the right checksum."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.sources import SourceModel
from evenpick.sources.downloads import downloaded, hub_preprocessing

CLIP = {
    "crop_size": {"height": 224, "width": 224}, "do_center_crop": True, "do_normalize": True, "do_resize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3, "size": {"shortest_edge": 224},
}  # fmt: skip


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A server of what is in `files`; `asked` lists what was asked for, and `cut` how much of a file is sent."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    site = SimpleNamespace(files={}, asked=[], cut=None)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.asked.append(self.path)
            data = site.files.get(self.path)
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write((data or b"")[: site.cut])

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site.address = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    server.server_close()


@pytest.fixture
def network(make_network, tmp_path):
    data = make_network(tmp_path / "tiny.onnx").read_bytes()
    return data, hashlib.sha256(data).hexdigest()


def test_a_network_is_fetched_once_and_its_size_is_its_own(site, network):
    data, digest = network
    site.files["/net.onnx"] = data
    name = f"onnx:{site.address}/net.onnx#sha256={digest}"

    first, again = SourceModel.load(name), SourceModel.load(name)

    assert (first.name, first.preprocessing.size, first.fingerprint) == (name, 8, again.fingerprint)
    assert site.asked.count("/net.onnx") == 1
    assert first.file.read_bytes() == data


def test_the_json_file_at_the_address_states_the_preprocessing(site, network):
    data, digest = network
    site.files |= {"/net.onnx": data, "/net.json": b'{"crop": 0.5}'}

    assert SourceModel.load(f"onnx:{site.address}/net.onnx#sha256={digest}").preprocessing == Preprocessing(8, 0.5)


def test_a_repository_of_the_hub_states_it_in_its_own_words(site, network):
    data, digest = network
    small = {**CLIP, "crop_size": {"height": 8, "width": 8}, "size": {"shortest_edge": 10}}
    site.files |= {"/org/name/resolve/main/onnx/model.onnx": data}
    site.files |= {"/org/name/resolve/main/preprocessor_config.json": json.dumps(small).encode()}

    found = SourceModel.load(f"onnx:{site.address}/org/name/resolve/main/onnx/model.onnx#sha256={digest}")

    expected = Preprocessing(8, 0.8, "bicubic", tuple(CLIP["image_mean"]), tuple(CLIP["image_std"]))
    assert found.preprocessing == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (CLIP, Preprocessing(224, 1.0, "bicubic", tuple(CLIP["image_mean"]), tuple(CLIP["image_std"]))),
        (  # SigLIP: every shape squeezed into a square
            {"do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 3,
             "size": {"height": 224, "width": 224}},
            Preprocessing(224, 1.0, "bicubic", (0.5,) * 3, (0.5,) * 3, fit="squash"),
        ),
        (  # DINOv2
            {**CLIP, "size": {"shortest_edge": 256}, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]},
            Preprocessing(224, 0.875, "bicubic"),
        ),
        ({"do_normalize": False, "size": 32, "resample": 2}, Preprocessing(32, 1.0, "bilinear", (0.0,) * 3, (1.0,) * 3)),
    ],
    ids=["clip", "siglip", "dinov2", "plain"],
)  # fmt: skip
def test_settings_of_the_hub_are_read(facts, expected):
    assert Preprocessing.from_dict(hub_preprocessing(facts)) == expected


@pytest.fixture
def hub(site, network, monkeypatch):
    """The server as a hub with the repository `org/name`, whose files are at `/org/name/resolve/REVISION/`."""
    small = {**CLIP, "crop_size": {"height": 8, "width": 8}, "size": {"shortest_edge": 10}}
    for revision in ("main", "v1.0"):
        base = f"/org/name/resolve/{revision}"
        site.files |= {
            f"{base}/onnx/model.onnx": network[0],
            f"{base}/preprocessor_config.json": json.dumps(small).encode(),
        }
    monkeypatch.setenv("HF_ENDPOINT", f"{site.address}/")
    return site


@pytest.mark.parametrize(("written", "revision"), [("org/name", "main"), ("org/name@v1.0", "v1.0")])
def test_a_repository_is_named_by_its_owner_and_name(written, revision, hub, network):
    name = f"hf:{written}#sha256={network[1]}"

    found, again = SourceModel.load(name), SourceModel.load(name)

    expected = Preprocessing(8, 0.8, "bicubic", tuple(CLIP["image_mean"]), tuple(CLIP["image_std"]))
    assert (found.name, found.preprocessing) == (again.name, again.preprocessing) == (name, expected)
    assert found.file.read_bytes() == network[0]
    base = f"/org/name/resolve/{revision}"
    asked = [place.removeprefix(base) for place in hub.asked]
    assert asked == ["/onnx/vision_model.onnx", "/onnx/model.onnx", "/onnx/model.json", "/preprocessor_config.json"]


def test_of_a_pair_the_half_for_images_is_taken(hub, network, make_network, tmp_path):
    half = make_network(tmp_path / "half.onnx", seed=5).read_bytes()
    hub.files["/org/name/resolve/main/onnx/vision_model.onnx"] = half

    found = SourceModel.load(f"hf:org/name#sha256={hashlib.sha256(half).hexdigest()}")

    assert found.file.read_bytes() == half
    assert "/org/name/resolve/main/onnx/model.onnx" not in hub.asked


def test_a_repository_stands_beside_other_sources(hub, network, make_network, tmp_path):
    other = f"onnx:{make_network(tmp_path / 'other.onnx', seed=5)}"
    both = SourceModel.load(f"hf:org/name@v1.0#sha256={network[1]}+{other}")

    assert [one.name for one in both.members] == [f"hf:org/name@v1.0#sha256={network[1]}", other]


def test_the_checksum_of_a_repositorys_network_is_told_as_its_name_would_hold_it(hub, network, tmp_path):
    with pytest.raises(
        EvenpickError, match=f"/onnx/model.onnx' has the sha256 .*; give it as hf:org/name#sha256={network[1]}"
    ):
        SourceModel.load("hf:org/name")
    with pytest.raises(EvenpickError, match=f"; asked for was sha256 {64 * '0'}"):
        SourceModel.load(f"hf:org/name#sha256={64 * '0'}")
    assert not list((tmp_path / "cache").rglob("*.onnx"))


def test_a_repository_without_such_a_network_is_told_with_what_was_looked_for(hub):
    with pytest.raises(
        EvenpickError, match=r"there is none of .*/vision_model.onnx, .*/model.onnx; .* by onnx:ADDRESS"
    ) as raised:
        SourceModel.load("hf:org/other")
    assert "\n" not in str(raised.value)


def test_a_hub_that_anybody_between_could_change_is_refused(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example.org")

    with pytest.raises(EvenpickError, match=r"'http://hub.example.org/org/name/.*' must be an https address"):
        SourceModel.load("hf:org/name")


def test_without_a_checksum_nothing_is_taken_and_the_checksum_is_told(site, network, tmp_path):
    data, digest = network
    site.files["/net.onnx"] = data

    with pytest.raises(EvenpickError, match=f"give it as {site.address}/net.onnx#sha256={digest}"):
        downloaded(f"{site.address}/net.onnx")
    assert not list((tmp_path / "cache").rglob("*.onnx"))


def test_another_file_than_asked_for_is_refused(site, network, tmp_path):
    site.files["/net.onnx"] = b"another file"

    with pytest.raises(EvenpickError, match=f"asked for was sha256 {network[1]}"):
        downloaded(f"{site.address}/net.onnx#sha256={network[1]}")
    assert not list((tmp_path / "cache").rglob("*.onnx"))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://example.org/net.onnx", "must be an https address"),
        ("https:///net.onnx", "must be an https address"),
        ("https://example.org/net.onnx#sha256=12", "must be sha256= and 64 hexadecimal digits"),
        ("https://example.org/net.onnx#md5=12", "must be sha256= and 64 hexadecimal digits"),
    ],
)
def test_addresses_that_cannot_be_trusted_are_refused_before_anything_is_fetched(address, message):
    with pytest.raises(EvenpickError, match=message):
        downloaded(address)


def test_a_file_that_is_not_there_or_breaks_off_is_told_in_one_line(site, network):
    name = f"{site.address}/net.onnx#sha256={network[1]}"
    with pytest.raises(EvenpickError, match=r"net\.onnx' could not be fetched: Not Found"):
        downloaded(name)
    site.files["/net.onnx"], site.cut = network[0], 100

    with pytest.raises(EvenpickError, match=r"net\.onnx' could not be fetched: it broke off with [\d,]+ bytes left"):
        downloaded(name)


def test_a_server_that_does_not_answer_is_told_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with pytest.raises(EvenpickError, match=r"net\.onnx' could not be fetched: .*refused"):
        downloaded("http://127.0.0.1:9/net.onnx")
