"""The labelling page over HTTP: its images, its addresses, many people at once, and no way out of its folders."""

import io
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin

import httpx2 as httpx
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from evenpick.pool import Pool
from evenpick.session import RecordedSession
from evenpick.web.app import STATIC, create_app
from evenpick.web.displayed_image import LONGEST_SIDE

HERE = "http://127.0.0.1:8765"


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


# --- what is refused --------------------------------------------------------------------------------


def test_a_wrong_body_is_a_bad_request_and_changes_nothing(begin):
    client = begin()
    for body in (b"{", b'{"row": "1", "label": "cat"}', b'{"row": 40, "label": "cat"}'):
        answer = client.post("/api/label", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400
        assert answer.json()["error"].startswith(("the body must be JSON", "'row' must be a whole number from 0 to 39"))

    assert client.session.counts == {}


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


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "/image/../../../../etc/passwd",
        "/image/..%2f..%2fetc%2fpasswd",
        "/image/000.jpg",
        "/image/-1",
        "/image/1/../../app.py",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
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
    secret = workspace.parent / "secret.jpg"
    secret.write_bytes((pool.folder / "000.jpg").read_bytes())
    tampered = Pool(pool.features, ["../secret.jpg", str(secret), "002.jpg"], pool.predictions, {}, pool.folder)
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


@pytest.mark.parametrize("path", ["/", "/api"])
def test_the_pages_hold_no_inline_script_nor_style_nor_foreign_address(begin, path):
    text = begin().get(path).text

    assert "<style" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "https://" not in text
    assert all("src=" in tag for tag in text.split("<script")[1:])


@pytest.mark.slow
def test_whatever_the_pages_and_scripts_ask_for_is_there(begin):
    client, asked = begin(), {"/", "/api"}
    for address in (todo := sorted(asked)):
        text = client.get(address).text
        found = {urljoin(address, link) for link in re.findall(r'(?:src|href)="([^"#{]+)"', text)}
        found |= {f"/static/{name}" for name in re.findall(r'from "\./([^"]+)"', text)}
        todo += sorted(found - asked)
        asked |= found

    assert {address for address in asked if client.get(address).status_code != 200} == set()
    shipped = {f"/static/{file.name}" for file in STATIC.iterdir()}
    assert {address for address in asked if address.startswith("/static/")} == shipped


# --- several people at once -------------------------------------------------------------------------


@pytest.mark.slow
def test_eight_annotators_at_once_lose_no_answer_and_give_none_twice(make_workspace, running):
    workspace = make_workspace(2100)
    pool = Pool.open(workspace)
    acknowledged = []

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

    recorded = [(pool.row_of[e.image], e.annotator, e.label) for e in entries]
    assert sorted(recorded) == sorted(acknowledged)
    assert len(recorded) == len({row for row, _, _ in recorded}) == 2000
    assert len({who for _, who, _ in recorded}) == 8
    with RecordedSession(workspace, pool) as again:
        assert again.next() is None
