"""The real Label Studio takes our tasks, shows their images, and what it exports is read back.

Runs where Label Studio is installed: `scripts/check-label-studio` makes such an environment. The files
`tests/data/label-studio-*.json` are what it exported here; with EVENPICK_EXPORTS=FOLDER they are written anew.
"""

import http.cookiejar
import importlib.metadata
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evenpick.images import Preprocessing
from evenpick.labels import Annotation, LabelStore, effective_answers, export_file, import_file, standing_answers
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import summarise_probabilities
from evenpick.sources import SourceDescription

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("label_studio") is None,
    reason="Label Studio is not installed: scripts/check-label-studio makes an environment that has it",
)

IMAGES = [
    "plain.jpg",
    "a b/1.jpg",
    "a b/été & co #1.jpg",
    "100%25 +.jpg",
    "x?d=y;1.jpg",
    "'quoted'.jpg",
    "c/1.jpg",
    "d.jpg",
]
CLASSES = ["cat", 'a/b <c> & "d"', "été 🦩", "100%"]
SETTINGS = {"budget": 7, "acquisition": "random"}
PASSWORD = "only-for-this-test-1"


class Visitor:
    """Somebody who uses Label Studio in a browser."""

    def __init__(self, address):
        self.address = address
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def get(self, path):
        with self._opener.open(self.address + path, timeout=60) as answer:
            return answer.read()

    def submit(self, path, **fields):
        """Send the form of a page: logging in, signing up."""
        self.get(path)
        form = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": self._csrf()}).encode()
        self._opener.open(urllib.request.Request(self.address + path, form, {"Referer": self.address}), timeout=60)
        return self

    def call(self, method, path, body=None):
        headers = {"X-CSRFToken": self._csrf(), "Content-Type": "application/json", "Referer": self.address}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()[:500]}") from error

    def _csrf(self):
        return next(cookie.value for cookie in self._cookies if cookie.name == "csrftoken")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder, the document root, with `photos` in it."""
    folder = tmp_path_factory.mktemp("root")
    for i, name in enumerate(IMAGES):
        (folder / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 24), (30 * i, 0, 0)).save(folder / "photos" / name)
    return folder


@pytest.fixture(scope="module")
def server(folder, tmp_path_factory):
    """A new Label Studio on a free port, with SQLite and no network; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = tmp_path_factory.mktemp("label-studio")
    environment = {
        **os.environ,
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(folder),
        "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
        "COLLECT_ANALYTICS": "false",
    }
    command = [Path(sys.executable).with_name("label-studio"), "start", "--no-browser", "--port", str(port)]
    command += ["--username", "ann@example.com", "--password", PASSWORD]
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=data, stdout=log, stderr=log)
    try:
        yield wait_for(f"http://127.0.0.1:{port}", process, data / "log")
    finally:
        process.terminate()
        process.wait(30)


def wait_for(address, process, log):
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{address}/version", timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            return address
    raise AssertionError(log.read_text())


@pytest.fixture
def make_awkward(tmp_path, folder):
    def build(name):
        rng = np.random.default_rng(0)
        writer = PoolWriter(
            tmp_path / name, folder / "photos", SourceDescription("made", Preprocessing(), 6, 7, "none", "0")
        )
        predictions = summarise_probabilities(rng.dirichlet(np.ones(7), size=len(IMAGES)))
        features = rng.normal(size=(len(IMAGES), 6)).astype(np.float32)
        writer.append([ImageRow(name, f"digest {i}") for i, name in enumerate(IMAGES)], features, predictions)
        return tmp_path / name

    return build


@pytest.fixture
def workspace(make_awkward):
    """With labels of every class, a second opinion and a skip."""
    workspace = make_awkward("first")
    answers = [
        Annotation(image, name, "discovery", annotator="ann") for image, name in zip(IMAGES, CLASSES, strict=False)
    ]
    answers += [Annotation(IMAGES[0], CLASSES[1], annotator="bob"), Annotation(IMAGES[4], None, annotator="ann")]
    with LabelStore(workspace) as store:
        store.append(answers)
    return workspace


@pytest.fixture
def exported(workspace, tmp_path):
    export_file(workspace, tmp_path / "tasks.json", "label-studio", SETTINGS, classes=["dog", "US$5"])
    return json.loads((tmp_path / "tasks.json").read_text()), (tmp_path / "tasks.xml").read_text()


@pytest.mark.filterwarnings("default")
def test_the_sdk_accepts_config_tasks_and_annotations(exported):
    from label_studio_sdk.label_interface import LabelInterface

    tasks, config = exported
    interface = LabelInterface(config)
    interface.validate()

    assert list(interface.get_control("label").labels) == [*CLASSES, "dog", "US$5"]
    for task in tasks:
        assert interface.validate_task({"data": task["data"]})
        for annotation in task.get("annotations", ()):
            assert interface.validate_annotation(annotation)
    wrong = json.loads(json.dumps(tasks[0]["annotations"][0]).replace('"cat"', '"unknown"'))
    assert not interface.validate_annotation(wrong), "the check would not see a wrong class"


def test_a_project_goes_there_and_back(server, folder, workspace, exported, make_awkward, tmp_path):
    tasks, config = exported
    ann = Visitor(server).submit("/user/login/", email="ann@example.com", password=PASSWORD)
    project = ann.call("POST", "/api/projects", {"title": "evenpick", "label_config": config})["id"]
    storage = {"project": project, "path": str(folder / "photos"), "title": "photos"}
    ann.call("POST", "/api/storages/localfiles", storage)

    taken = ann.call("POST", f"/api/projects/{project}/import?return_task_ids=true", tasks)
    assert (taken["task_count"], taken["annotation_count"]) == (len(tasks), 6)
    listed = ann.call("GET", f"/api/tasks?project={project}&fields=all")["tasks"]
    assert [task["data"] for task in listed] == [task["data"] for task in tasks]  # in pick order
    for task in listed:
        assert ann.get(task["data"]["image"]) == (folder / "photos" / task["data"]["image_id"]).read_bytes()

    answer_the_rest(server, ann, [task["id"] for task in listed if task["id"] in taken["task_ids"][5:]])
    for form in ("JSON", "JSON_MIN"):
        path = f"/api/projects/{project}/export?exportType={form}&download_all_tasks=true"
        (tmp_path / f"{form}.json").write_bytes(ann.get(path))
    check_what_came_back(workspace, make_awkward("second"), make_awkward("third"), tmp_path)

    changed = ann.call("GET", f"/api/tasks/{taken['task_ids'][1]}/annotations/")[0]["id"]
    bob = Visitor(server).submit("/user/login/", email="bob@example.com", password=PASSWORD)
    bob.call("PATCH", f"/api/annotations/{changed}/", label("dog"))
    (tmp_path / "changed.json").write_bytes(ann.get(f"/api/projects/{project}/export?exportType=JSON"))
    assert import_file(workspace, tmp_path / "changed.json", "imported").words.startswith("1 label imported, 9 known")
    assert ("Label Studio user 2", IMAGES[1], "dog") in answers(workspace)


def label(name):
    choice = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [name]}}
    return {"result": [choice], "lead_time": 2.5}


def answer_the_rest(server, ann, ids):
    """Ann labels the first, Bob differs; Ann skips the second; Bob labels the third."""
    invited = ann.call("GET", "/api/invite")["invite_url"]
    bob = Visitor(server).submit(invited.replace(server, ""), email="bob@example.com", password=PASSWORD)

    assert len(ids) == 3
    ann.call("POST", f"/api/tasks/{ids[0]}/annotations/", label("dog"))
    bob.call("POST", f"/api/tasks/{ids[0]}/annotations/", label("cat"))
    ann.call("POST", f"/api/tasks/{ids[1]}/annotations/", {"result": [], "was_cancelled": True})
    bob.call("POST", f"/api/tasks/{ids[2]}/annotations/", label(CLASSES[2]))


def check_what_came_back(first, second, third, folder):
    assert import_file(first, folder / "JSON.json", "imported").words.startswith(
        "3 labels imported, 1 skip, 6 known already."
    )
    assert import_file(first, folder / "JSON_MIN.json", "imported").words.startswith(
        "0 labels imported, 8 known already."
    )
    assert import_file(second, folder / "JSON.json", "imported").words.startswith("8 labels imported, 2 skips.")
    assert import_file(third, folder / "JSON_MIN.json", "imported").words.startswith("8 labels imported.")

    assert answers(second) == answers(first)
    assert answers(third) == {answer for answer in answers(first) if answer[2] is not None}
    assert counting(second) == counting(first) == counting(third)
    if kept := os.environ.get("EVENPICK_EXPORTS"):
        version = importlib.metadata.version("label-studio")
        shutil.copy(folder / "JSON.json", Path(kept) / f"label-studio-{version}.json")
        shutil.copy(folder / "JSON_MIN.json", Path(kept) / f"label-studio-{version}-min.json")


def answers(workspace):
    with LabelStore(workspace) as store:
        return {(entry.annotator, entry.image, entry.label) for entry in standing_answers(store.entries())}


def counting(workspace):
    with LabelStore(workspace) as store:
        return {entry.image: entry.label for entry in effective_answers(store.entries()) if entry.label}
