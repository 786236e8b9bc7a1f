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
    """A server of what is in `files`, or else of what `status` says; `asked` lists what was asked for, and `cut` how much of a
    file is sent."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    site = SimpleNamespace(files={}, asked=[], cut=None, status=404)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.asked.append(self.path)
            data = site.files.get(self.path)
            self.send_response(site.status if data is None else 200)
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
        ({"do_normalize": False, "size": 32, "crop_pct": None}, Preprocessing(32, 1.0, "bilinear", (0.0,) * 3, (1.0,) * 3)),
        (  # ConvNeXt: the short side resized to 224 / 0.875, and the centre of that
            {"do_normalize": False, "size": {"shortest_edge": 224}, "crop_pct": 0.875, "resample": 3},
            Preprocessing(224, 0.875, "bicubic", (0.0,) * 3, (1.0,) * 3),
        ),
        (  # ConvNeXt of 384 pixels: squeezed, whatever its crop_pct
            {"do_normalize": False, "size": {"shortest_edge": 384}, "crop_pct": 0.875, "resample": 3},
            Preprocessing(384, 1.0, "bicubic", (0.0,) * 3, (1.0,) * 3, fit="squash"),
        ),
        (  # PoolFormer
            {"do_normalize": False, "size": 224, "crop_size": 224, "do_center_crop": True, "crop_pct": 0.9, "resample": 3},
            Preprocessing(224, 0.9, "bicubic", (0.0,) * 3, (1.0,) * 3),
        ),
    ],
    ids=["clip", "siglip", "dinov2", "plain", "no share", "convnext", "convnext 384", "poolformer"],
)  # fmt: skip
def test_settings_of_the_hub_are_read(facts, expected):
    assert Preprocessing.from_dict(hub_preprocessing(facts)) == expected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"image_std": None}, "image_mean is stated and image_std is not: there must be both"),
        ({"resample": [1]}, r"resample must be a number of Pillow's; got \[1\]"),
        ({"crop_pct": "0.9"}, "crop_pct must be a number above 0, 1 at most; got '0.9'"),
        ({"crop_pct": 0}, "crop_pct must be a number above 0, 1 at most; got 0"),
    ],
)
def test_settings_of_the_hub_that_cannot_be_are_told_in_one_line(wrong, message, hub, network):
    stated = {name: value for name, value in {**CLIP, **wrong}.items() if value is not None}
    hub.files["/org/name/resolve/main/preprocessor_config.json"] = json.dumps(stated).encode()

    with pytest.raises(EvenpickError, match=rf"/preprocessor_config.json' does not state a .*: {message}") as raised:
        SourceModel.load(f"hf:org/name#sha256={network[1]}")
    assert "\n" not in str(raised.value)


@pytest.fixture
def hub(site, network, monkeypatch):
    """The server as a hub with the repository `org/name`, whose files are at `/org/name/resolve/REVISION/`."""
    small = {**CLIP, "crop_size": {"height": 8, "width": 8}, "size": {"shortest_edge": 10}}
    for revision in ("main", "v1.0", "refs%2Fpr%2F1"):
        base = f"/org/name/resolve/{revision}"
        site.files |= {
            f"{base}/onnx/model.onnx": network[0],
            f"{base}/preprocessor_config.json": json.dumps(small).encode(),
        }
    monkeypatch.setenv("HF_ENDPOINT", f"{site.address}/")
    return site


@pytest.mark.parametrize(
    ("written", "revision"), [("org/name", "main"), ("org/name@v1.0", "v1.0"), ("org/name@refs/pr/1", "refs%2Fpr%2F1")]
)
def test_a_repository_is_named_by_its_owner_and_name(written, revision, hub, network):
    name = f"hf:{written}#sha256={network[1]}"

    found, again = SourceModel.load(name), SourceModel.load(name)

    expected = Preprocessing(8, 0.8, "bicubic", tuple(CLIP["image_mean"]), tuple(CLIP["image_std"]))
    assert (found.name, found.preprocessing) == (again.name, again.preprocessing) == (name, expected)
    assert found.file.read_bytes() == network[0]
    base = f"/org/name/resolve/{revision}"
    asked = [place.removeprefix(base) for place in hub.asked]
    assert asked == ["/onnx/vision_model.onnx", "/onnx/model.onnx", "/onnx/model.json", "/preprocessor_config.json"]


def test_equal_weights_of_two_revisions_and_addresses_keep_the_preprocessing_of_each(hub, network):
    base, ending = "/org/name/resolve", f"#sha256={network[1]}"
    stated = {"do_normalize": False, "size": 8, "resample": 2}
    hub.files[f"{base}/v1.0/preprocessor_config.json"] = json.dumps(stated).encode()
    del hub.files[f"{base}/refs%2Fpr%2F1/preprocessor_config.json"]
    hub.files["/net.onnx"] = network[0]
    names = ["hf:org/name", "hf:org/name@v1.0", "hf:org/name@refs/pr/1", f"onnx:{hub.address}/net.onnx"]

    for _ in range(2):  # fetched, and from the cache
        main, tagged, *without = [SourceModel.load(name + ending).preprocessing for name in names]
        assert (main.crop, main.interpolation) == (0.8, "bicubic")
        assert tagged == Preprocessing(8, 1.0, "bilinear", (0.0,) * 3, (1.0,) * 3)
        assert without == [Preprocessing(8)] * 2


def test_a_preprocessing_that_is_stated_no_more_is_forgotten_when_the_network_is_fetched_again(hub, network, tmp_path):
    name = f"hf:org/name#sha256={network[1]}"
    SourceModel.load(name)
    next((tmp_path / "cache").rglob("download-*.onnx")).unlink()
    next((tmp_path / "cache").rglob("download-*.sha256")).unlink()
    del hub.files["/org/name/resolve/main/preprocessor_config.json"]

    assert SourceModel.load(name).preprocessing == Preprocessing(8)


def test_a_network_with_weights_in_another_file_is_refused_with_the_way_out(hub, network, tmp_path):
    import onnx

    (tmp_path / "apart").mkdir()
    file = tmp_path / "apart" / "model.onnx"
    model = onnx.load_from_string(network[0])
    onnx.save(model, str(file), save_as_external_data=True, location="model.onnx_data", size_threshold=0)
    hub.files["/org/name/resolve/main/onnx/model.onnx"] = file.read_bytes()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()

    for name in ("hf:org/name", f"hf:org/name#sha256={digest}"):
        with pytest.raises(
            EvenpickError,
            match=r"has its weights in files beside it \('model.onnx_data'\).* name the network onnx:FILE",
        ) as raised:
            SourceModel.load(name)
        assert "\n" not in str(raised.value)
    assert not list((tmp_path / "cache").rglob("*.onnx"))


@pytest.mark.parametrize("status", [429, 500])
def test_a_preprocessing_that_the_server_cannot_tell_just_now_is_not_taken_for_none(status, site, network):
    site.files["/net.onnx"], site.status = network[0], status
    name = f"onnx:{site.address}/net.onnx#sha256={network[1]}"
    with pytest.raises(EvenpickError, match=r"net.json' could not be fetched: .*; try again"):
        SourceModel.load(name)
    site.files["/net.json"] = b'{"crop": 0.5}'

    assert SourceModel.load(name).preprocessing == Preprocessing(8, 0.5)


@pytest.mark.parametrize("status", [401, 403])
def test_a_repository_that_is_not_public_is_told_as_such(status, hub):
    hub.status = status

    with pytest.raises(
        EvenpickError,
        match=r"model.onnx' could not be fetched: there is no such public repository, or it asks for a login",
    ):
        SourceModel.load("hf:org/hidden")


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
