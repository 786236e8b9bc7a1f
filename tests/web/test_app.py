"""The labelling API over HTTP: what it says, what it refuses, and that no attack gets through."""

import contextlib
import io
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import numpy as np
import pytest
import schemathesis
import uvicorn
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from PIL import Image
from schemathesis import GenerationMode
from starlette.testclient import TestClient

from evenpick.errors import EvenpickError
from evenpick.pool import Pool
from evenpick.session import RecordedSession
from evenpick.web import serve
from evenpick.web.app import create_app
from evenpick.web.displayed_image import LONGEST_SIDE
from evenpick.web.guard import HEADERS, is_our_host

HERE = "http://127.0.0.1:8765"
TOKEN = "a-token-of-some-length"


@pytest.fixture
def begin(make_workspace):
    """Start the app on a new workspace; returns its client."""
    with contextlib.ExitStack() as stack:

        def build(n=40, budget=20, workspace=None, balancing="ratio_max", **options):
            workspace = workspace or make_workspace(n)
            session = stack.enter_context(
                RecordedSession(
                    workspace, Pool.open(workspace), budget, "ann", acquisition="random", balancing=balancing
                )
            )
            app = create_app(session, **options)
            stack.callback(app.state.close)
            client = stack.enter_context(TestClient(app, base_url=HERE))
            client.session = session
            return client

        yield build


def post(client, path, **body):
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_next_label_skip_undo_and_rename(begin):
    client = begin()
    first = post(client, "/api/next", page="p")["turn"]["image"]
    assert post(client, "/api/next", page="p")["turn"]["image"] == first

    answered = post(client, "/api/label", page="p", row=first["row"], label=" cat ", then_next=True)
    second = answered["turn"]["image"]
    assert (answered["entry"], second["row"] != first["row"]) == (1, True)
    skipped = post(client, "/api/skip", page="p", row=second["row"], then_next=True)
    assert skipped["progress"] == {
        "budget": 20, "labels": 1, "skipped": 1, "phase": "discovery",
        "classes": [{"name": "cat", "count": 1}], "conflicts": 0, "unseen": None,
    }  # fmt: skip
    undone = post(client, "/api/undo", page="p", then_next=True)
    assert undone["row"] == undone["turn"]["image"]["row"] == second["row"]
    renamed = post(client, "/api/rename", page="p", old="cat", new="feline", then_next=True)
    assert renamed["progress"]["classes"] == [{"name": "feline", "count": 1}]
    assert renamed["turn"]["image"]["row"] == second["row"]


def test_from_twenty_labels_on_the_classes_not_found_are_estimated(begin):
    client = begin()
    for i in range(20):
        row = post(client, "/api/next")["turn"]["image"]["row"]
        unseen = post(client, "/api/label", row=row, label=f"class {i if i < 5 else 5}")["progress"]["unseen"]
        assert (unseen is None) == (i < 19)

    # five classes with one label and none with two: 19/20 * 5 * 4 / 2
    assert unseen["undiscovered"] == pytest.approx(9.5)
    assert unseen["mass"] == 0.25
    assert unseen["low"] < 9.5 < unseen["high"]
    assert client.get("/api/state").json()["progress"]["unseen"] == unseen


def test_the_state_lists_conflicts_and_agreement(begin):
    client = begin(repeat=2)
    row = post(client, "/api/next", page="a", annotator="ann")["turn"]["image"]["row"]
    assert post(client, "/api/next", page="b", annotator="bob")["turn"]["image"]["row"] == row
    post(client, "/api/label", annotator="ann", row=row, label="cat")
    post(client, "/api/label", annotator="bob", row=row, label="dog")

    state = client.get("/api/state").json()

    answers = [{"annotator": "ann", "label": "cat"}, {"annotator": "bob", "label": "dog"}]
    assert state["conflicts"] == [{"row": row, "image": f"{row:03d}.jpg", "answers": answers}]
    assert state["agreement"] == [{"annotators": ["ann", "bob"], "images": 1, "same": 0.0, "kappa": 0.0}]
    assert (state["images"], state["annotator"], state["repeat"]) == (40, "ann", 2)


def test_the_end_is_told(begin):
    client = begin(budget=2)
    for _ in range(2):
        row = post(client, "/api/next")["turn"]["image"]["row"]
        answered = post(client, "/api/label", row=row, label="cat", then_next=True)

    assert answered["turn"] == {"status": "finished"}
    late = client.post("/api/label", json={"row": (row + 1) % 40, "label": "cat"})
    assert late.status_code == 409
    assert "budget of 2 labels is spent" in late.json()["error"] or "answered already" in late.json()["error"]


def test_the_target_is_told_only_when_the_server_was_told_to(begin, make_workspace):
    for show in (False, True):
        client = begin(n=30, budget=25, workspace=make_workspace(30, name=f"w{show}"), show_target=show)
        turn = post(client, "/api/next")["turn"]
        while client.session.phase == "discovery":
            name = "common" if turn["image"]["row"] % 7 else "rare"
            turn = post(client, "/api/label", row=turn["image"]["row"], label=name, then_next=True)["turn"]
        assert turn["image"].get("target") == ("rare" if show else None)
        assert ("target" in turn["image"]) is show
        assert client.get("/api/state").json()["show_target"] is show


def test_upcoming_images_are_those_asked_for_next_in_discovery(begin):
    client = begin()
    post(client, "/api/next")
    guesses = post(client, "/api/upcoming")["urls"]
    shown = []
    for _ in guesses:
        row = post(client, "/api/next")["turn"]["image"]["row"]
        shown.append(post(client, "/api/skip", row=row, then_next=True)["turn"]["image"]["url"])

    assert guesses == shown
    assert len(guesses) == 3


# --- images -----------------------------------------------------------------------------------------


def served(client, row):
    answer = client.get(f"/image/{row}")
    assert answer.status_code == 200, answer.text
    return answer, Image.open(io.BytesIO(answer.content))


def test_a_plain_photograph_is_sent_as_it_is_and_may_be_kept_for_a_while(begin):
    client = begin()
    answer, _ = served(client, 3)

    assert answer.content == (client.session.pool.folder / "003.jpg").read_bytes()
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, max-age=3600"


def test_what_browsers_cannot_show_is_converted(begin):
    client = begin()
    folder = client.session.pool.folder
    ramp = np.linspace(0, 65535, 96 * 72, dtype=np.uint16).reshape(72, 96)
    Image.fromarray(ramp).save(folder / "ramp.tif")
    (folder / "ramp.tif").rename(folder / "000.jpg")
    Image.fromarray(ramp).save(folder / "ramp.png")
    (folder / "ramp.png").rename(folder / "001.jpg")
    Image.new("RGB", (96, 72), "red").save(folder / "red.ppm")
    (folder / "red.ppm").rename(folder / "002.jpg")
    Image.new("RGBA", (96, 72), (0, 0, 0, 0)).save(folder / "clear.png")
    (folder / "clear.png").rename(folder / "003.jpg")
    Image.new("RGB", (3 * LONGEST_SIDE, 30), "blue").save(folder / "wide.png")
    (folder / "wide.png").rename(folder / "004.jpg")
    frames = [Image.new("L", (96, 72), shade) for shade in (0, 255)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    (folder / "moving.gif").rename(folder / "005.jpg")

    shown = [served(client, row)[1] for row in range(6)]

    assert [image.format for image in shown] == ["JPEG"] * 6
    for image in shown[:2]:
        corners = np.asarray(image.convert("L"))[[0, -1], [0, -1]].astype(int)
        assert abs(corners - [0, 255]).max() <= 3
    assert shown[2].getpixel((5, 5))[0] > 250
    assert shown[3].getpixel((5, 5)) == (255, 255, 255)
    assert shown[4].size == (LONGEST_SIDE, 10)


def test_an_image_that_is_gone_or_broken_is_told_and_not_fatal(begin):
    client = begin()
    folder = client.session.pool.folder
    (folder / "000.jpg").unlink()
    (folder / "001.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    for row in (0, 1, 40, 10**30):
        answer = client.get(f"/image/{row}")
        assert answer.status_code == 404
        assert str(row) in answer.json()["error"]


# --- bodies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/api/label", b"{", "the body must be JSON"),
        ("/api/label", b"\xff", "the body must be JSON"),
        ("/api/label", b"[" * 60_000, "the body must be JSON"),
        ("/api/label", b"3", "the body must be a JSON object; got 3"),
        ("/api/label", b'{"label": "cat"}', "'row' is missing"),
        ("/api/label", b'{"row": 1}', "'label' is missing"),
        ("/api/label", b'{"row": "1", "label": "cat"}', "'row' must be a whole number from 0 to 39; got \"1\""),
        ("/api/label", b'{"row": true, "label": "cat"}', "'row' must be a whole number"),
        ("/api/label", b'{"row": 40, "label": "cat"}', "'row' must be a whole number from 0 to 39; got 40"),
        ("/api/label", b'{"row": 1.5, "label": "cat"}', "'row' must be a whole number"),
        ("/api/label", b'{"row": Infinity, "label": "cat"}', "'row' must be a whole number"),
        ("/api/label", b'{"row": NaN, "label": "cat"}', "'row' must be a whole number"),
        ("/api/label", b'{"row": 1, "label": " "}', "'label' must be a readable text of 1 to 200"),
        ("/api/label", b'{"row": 1, "label": "a\\u0000b"}', "'label' must be a readable text"),
        ("/api/label", b'{"row": 1, "label": "\\ud800"}', "'label' must be a readable text"),
        ("/api/label", b'{"row": 1, "label": ["cat"]}', "'label' must be a text; got [\"cat\"]"),
        ("/api/label", b'{"row": 1, "label": "cat", "colour": 1}', '"colour" is unknown; known: row, label'),
        ("/api/label", b'{"row": 1, "label": "cat", "request": "../x"}', "'request' must be 1 to 64 letters"),
        ("/api/next", b'{"annotator": ""}', "'annotator' must be a readable text"),
        ("/api/undo", b'{"then_next": 1}', "'then_next' must be true or false"),
    ],
)
def test_a_wrong_body_is_refused_in_one_line(begin, path, body, message):
    answer = begin().post(path, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert message in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_what_is_not_possible_now_is_a_conflict_with_a_reason(begin):
    client = begin()
    post(client, "/api/label", row=1, label="cat")
    for path, body, message in [
        ("/api/label", {"row": 1, "label": "dog"}, "image '001.jpg' is answered already; undo first"),
        ("/api/rename", {"old": "dog", "new": "cat"}, "class 'dog' does not exist; found so far: cat"),
        ("/api/undo", {"annotator": "bob"}, "there is no answer to undo"),
    ]:
        answer = client.post(path, json=body)
        assert (answer.status_code, message in answer.json()["error"]) == (409, True)


def test_forms_and_large_bodies_are_refused(begin):
    client = begin()
    form = client.post("/api/label", data={"row": "1", "label": "cat"})
    plain = client.post("/api/label", content=b'{"row": 1, "label": "cat"}', headers={"content-type": "text/plain"})
    large = client.post("/api/label", json={"row": 1, "label": "x" * 70_000})

    assert [form.status_code, plain.status_code, large.status_code] == [415, 415, 413]
    assert client.session.counts == {}


def test_addresses_and_methods_that_do_not_exist_are_refused(begin):
    client = begin()

    assert client.get("/nothing").json() == {"error": "there is nothing at this address"}
    assert client.get("/api/label").status_code == 405
    assert client.get("/api/label").headers["allow"] == "POST"
    assert client.delete("/image/1").status_code == 405


# --- attacks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "127.0.0.1@evil"])
def test_a_foreign_host_name_is_refused(begin, host):
    """DNS rebinding: a foreign name that leads to this machine."""
    answer = begin().get("/api/state", headers={"host": host})

    assert answer.status_code == 403
    assert "does not go by the name" in answer.json()["error"]


def test_which_names_are_ours():
    assert all(is_our_host(name, "127.0.0.1") for name in ("localhost:1", "127.0.0.1", "[::1]:80", "LOCALHOST"))
    assert not is_our_host("192.168.1.5:8765", "127.0.0.1")
    assert all(is_our_host(name, "0.0.0.0") for name in ("192.168.1.5:8765", "[fe80::1]:1", "localhost"))
    assert is_our_host("labels.lan:8765", "labels.lan")
    assert not is_our_host("evil.example", "0.0.0.0")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_a_request_from_another_site_is_refused(begin, headers):
    client = begin()
    answer = client.post("/api/label", json={"row": 1, "label": "cat"}, headers=headers)

    assert answer.status_code == 403
    assert client.session.counts == {}


def test_another_site_may_link_here_but_not_embed(begin):
    client = begin()
    cross = {"sec-fetch-site": "cross-site"}

    assert client.get("/", headers={**cross, "sec-fetch-mode": "navigate"}).status_code == 200
    assert client.get("/image/1", headers={**cross, "sec-fetch-mode": "no-cors"}).status_code == 403


def test_our_own_origin_is_welcome(begin):
    own = {"origin": HERE, "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}

    assert begin().post("/api/label", json={"row": 1, "label": "cat"}, headers=own).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/state", "/image/1", "/static/label.js", "/openapi.json", "/api"])
def test_without_the_token_nothing_is_shown(begin, path):
    client = begin(token=TOKEN)

    assert client.get(path).status_code == 401
    assert client.get(path, headers={"authorization": "Bearer wrong"}).status_code == 401
    assert client.get(path, headers={"cookie": "evenpick_8765=wrong"}).status_code == 401
    assert client.get(path, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_token_moves_from_the_address_into_a_cookie(begin):
    client = begin(token=TOKEN)
    assert client.get("/?token=wrong").status_code == 401
    assert client.get(f"/api/state?token={TOKEN}").status_code == 401  # only the first page takes it
    first = client.get(f"/?token={TOKEN}")

    assert first.headers["set-cookie"] == f"evenpick_8765={TOKEN}; HttpOnly; SameSite=Strict; Path=/"
    assert first.headers["referrer-policy"] == "no-referrer"
    assert client.get("/api/state").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/image/../../../../etc/passwd",
        "/image/..%2f..%2fetc%2fpasswd",
        "/image/000.jpg",
        "/image/-1",
        "/image/1/../../label_app.py",
        "/static/../label_app.py",
        "/static/..%2flabel_app.py",
        "/static/%2e%2e/label_app.py",
        "/static//etc/passwd",
    ],
)
def test_no_path_leads_out(begin, path):
    client = begin()
    # Straight to the application: a client library would tidy the path.
    transport = httpx.ASGITransport(app=client.app)
    request = httpx.Request("GET", HERE)
    request.url = httpx.URL(HERE).copy_with(raw_path=path.encode())

    async def send():
        return await transport.handle_async_request(request)

    answer = client.portal.call(send)

    assert answer.status_code == 404


def test_a_tampered_list_of_images_leads_nowhere(begin, make_workspace):
    workspace = make_workspace(3)
    pool = Pool.open(workspace)
    (workspace.parent / "secret.jpg").write_bytes((pool.folder / "000.jpg").read_bytes())
    tampered = Pool(pool.features, ["../secret.jpg", "/etc/passwd", "002.jpg"], pool.predictions, {}, pool.folder)
    with RecordedSession(workspace, tampered, 2) as session:
        app = create_app(session)
        client = TestClient(app, base_url=HERE)

        assert [client.get(f"/image/{row}").status_code for row in range(3)] == [404, 404, 200]
        app.state.close()


def test_a_class_name_with_markup_stays_text(begin):
    client = begin()
    name = "<img src=x onerror=alert(1)>"
    answer = client.post("/api/label", json={"row": 1, "label": name})

    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["progress"]["classes"] == [{"name": name, "count": 1}]


@pytest.mark.parametrize("path", ["/", "/api/state", "/image/1", "/static/label.css", "/nothing", "/api", "/image/99"])
def test_every_reply_forbids_what_it_does_not_need(begin, path):
    headers = begin().get(path).headers

    assert {name: headers[name] for name in HEADERS} == HEADERS
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert path.startswith("/image/1") or headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/api"])
def test_the_pages_hold_no_inline_script_nor_style_nor_foreign_address(begin, path):
    text = begin().get(path).text

    assert "<style" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "https://" not in text
    assert all("src=" in tag for tag in text.split("<script")[1:])


# --- the description --------------------------------------------------------------------------------


def test_every_address_of_the_description_can_be_read_by_people(begin):
    client = begin()
    description = client.get("/openapi.json").json()
    page = client.get("/api").text

    assert len(description["paths"]) == 9
    assert all(path in page for path in description["paths"])


def bearer(token):
    return {"Authorization": f"Bearer {token}"} if token else {}


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("mode", GenerationMode)
def test_whatever_schemathesis_sends_is_answered_as_described(begin, token, mode):
    client = begin(token=token)
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json", headers=bearer(token)).json())
    schema.app = client.app
    tried = set()

    for operation in [result.ok() for result in schema.get_all_operations()]:

        @settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case):
            tried.add((case.method, case.path, str(case.body), str(case.path_parameters)))
            case.call_and_validate(base_url=HERE, headers=bearer(token))

        with contextlib.suppress(Unsatisfiable):  # nothing can be wrong with a request without parameters
            check()
    assert len(tried) > 100


# --- several people at once -------------------------------------------------------------------------


@contextlib.contextmanager
def running(app):
    """A real server on a free port of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def test_eight_annotators_at_once_lose_no_answer_and_give_none_twice(make_workspace):
    workspace = make_workspace(2100)
    pool = Pool.open(workspace)
    acknowledged, started = [], time.monotonic()

    def annotate(base, who):
        with httpx.Client(base_url=base) as client:
            body = {"page": who, "annotator": who}
            turn = client.post("/api/next", json=body).json()["turn"]
            while turn["status"] != "finished":
                if turn["status"] == "waiting":
                    time.sleep(0.05)
                    turn = client.post("/api/next", json=body).json()["turn"]
                    continue
                row = turn["image"]["row"]
                label = "common" if row % 10 else f"rare {row % 3}"
                sent = {**body, "row": row, "label": label, "request": uuid.uuid4().hex, "then_next": True}
                answer = client.post("/api/label", json=sent)
                assert answer.status_code == 200, answer.text
                acknowledged.append((row, who, label))
                turn = answer.json()["turn"]

    with RecordedSession(workspace, pool, 2000, acquisition="random") as session:
        app = create_app(session)
        with running(app) as base, ThreadPoolExecutor(8) as people:
            for done in [people.submit(annotate, base, f"p{i}") for i in range(8)]:
                done.result()
        app.state.close()
        entries = session.store.entries()

    recorded = [(pool.index_of[e.image], e.annotator, e.label) for e in entries]
    assert sorted(recorded) == sorted(acknowledged)
    assert len(recorded) == len({row for row, _, _ in recorded}) == 2000
    assert len({who for _, who, _ in recorded}) == 8
    assert time.monotonic() - started < 60
    with RecordedSession(workspace, pool) as again:
        assert again.next() is None


# --- serve ------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_told(make_workspace):
    workspace = make_workspace()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(EvenpickError, match=r"cannot listen at 127\.0\.0\.1, port .*--port 0"):
            serve(workspace, Pool.open(workspace), 5, port=other.getsockname()[1], open_browser=False)


def test_a_workspace_is_labelled_by_one_server_at_a_time(make_workspace):
    workspace = make_workspace()
    with FileLock(workspace / "label.lock"), pytest.raises(EvenpickError, match="labelled by another process"):
        serve(workspace, Pool.open(workspace), 5, open_browser=False)


@pytest.mark.parametrize("token", ["short", "a token; with, blanks", "t" * 15])
def test_a_weak_token_is_refused(make_workspace, token):
    workspace = make_workspace()
    with pytest.raises(EvenpickError, match="a token must have 16 or more"):
        serve(workspace, Pool.open(workspace), 5, token=token, open_browser=False)


def test_photographs_that_are_gone_are_told(make_workspace, make_pool, tmp_path):
    workspace = make_workspace()
    pool = Pool.open(workspace)
    pool.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(EvenpickError, match="of the pool does not exist; mount it or move it back"):
        serve(workspace, pool, 5, port=0, open_browser=False)
    with pytest.raises(EvenpickError, match="has no folder of photographs"):
        serve(workspace, make_pool(), 5, port=0, open_browser=False)


def test_without_the_extra_the_command_says_which_pip_line_brings_it(make_workspace):
    code = (
        "import sys; sys.modules['starlette'] = None\n"
        "from evenpick.cli import main\n"
        f"main(['label', {str(make_workspace())!r}, '--budget', '3', '--no-browser'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert run.returncode == 1
    assert run.stderr == (
        "Error: the labelling page needs an extra that is not installed: pip install 'evenpick[web]'\n"
    )


def test_another_address_gets_a_token(make_workspace):
    command = [sys.executable, "-m", "evenpick", "label", str(make_workspace()), "--budget", "3", "--no-browser"]
    command += ["--host", "0.0.0.0", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().split()[-1]
        port, token = re.search(r":(\d+)/\?token=([\w-]{32})$", address).groups()
        local = f"http://127.0.0.1:{port}/"
        assert httpx.get(local).status_code == 401
        assert httpx.get(f"{local}?token={token}").status_code == 200
        assert httpx.get(f"{local}?token={token}", headers={"host": "evil.example"}).status_code == 403
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def test_automatic_balancing_asks_without_repeats_and_tells_no_target(begin):
    client = begin(n=70, budget=60, balancing="auto", show_target=True)
    turn, rows = post(client, "/api/next")["turn"], []
    while turn["status"] == "image":
        row = turn["image"]["row"]
        rows.append(row)
        assert turn["image"]["target"] is None
        assert turn["image"]["phase"] == ("discovery" if len(rows) <= 40 else "balancing")
        post(client, "/api/upcoming")
        turn = post(client, "/api/label", row=row, label=f"class {row % 5}", then_next=True)["turn"]

    assert len(set(rows)) == len(rows) == 60
