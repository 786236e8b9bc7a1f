"""The public class Workspace: what each command does, from Python, without a word printed."""

import csv
import os
import shutil
import signal
import subprocess
import sys

import httpx2 as httpx
import numpy as np
import pytest
from filelock import FileLock

import evenpick
from evenpick import EvenpickError, Pool, Workspace
from evenpick.labels import LabelStore
from evenpick.session import RecordedSession


@pytest.fixture(autouse=True)
def nothing_takes_long(monkeypatch):
    """On a busy machine `label` would say that it is at work."""
    monkeypatch.setattr("evenpick.workspace.TAKES_LONG", 600.0)


@pytest.fixture
def source(tmp_path, make_network):
    """The name of a tiny real source."""
    network = make_network(tmp_path / "tiny.onnx")
    network.with_suffix(".json").write_text('{"size": 8}')
    return f"onnx:{network}"


@pytest.fixture
def truth(tmp_path, photo_folder):
    file = tmp_path / "truth.csv"
    with file.open("w", newline="") as handle:
        rows = [
            (photo.relative_to(photo_folder).as_posix(), photo.parent.name) for photo in photo_folder.rglob("*.jpg")
        ]
        csv.writer(handle).writerows([("image", "label"), *rows])
    return file


def test_the_way_from_photographs_to_a_report_prints_nothing(tmp_path, photo_folder, source, truth, capfd):
    work = Workspace(tmp_path / "work")
    seen = []

    embedded = work.embed(photo_folder, source, progress=lambda done, total: seen.append((done, total)))
    selection = work.select(4, "core_set")
    simulated = work.simulate(truth, 8, balancing=None)
    model = work.train(n_folds=3, self_training=False)
    found = work.evaluate(photo_folder, str(truth))
    predictions = work.predict(photo_folder)
    page = work.report("Two folders")

    assert (len(embedded.pool), embedded.done_now, seen[-1]) == (12, 12, (12, 12))
    assert selection.image_ids == [embedded.pool.image_ids[row] for row in selection.indices]
    assert repr(embedded) == "12 images in the pool, 12 of them embedded now; 0 left out"
    assert simulated.classes == ["a", "b c"]
    assert repr(work.labels) == f"8 labels of {len(work.labels.counts)} classes; 0 images skipped"
    assert work.labels.image_ids == [embedded.pool.image_ids[row] for row in work.labels.rows]
    assert len(work.labels.rows) == len(work.labels.names) == 8
    assert work.model.classes == model.classes == ("a", "b c")
    assert (found.n_images, found.unreadable) == (12, ())
    assert predictions.image_ids == sorted(embedded.pool.image_ids)
    assert predictions.probabilities.shape == (12, 2)
    assert predictions.labels == [predictions.classes[i] for i in predictions.probabilities.argmax(axis=1)]
    assert "Two folders" in page.read_text()
    assert capfd.readouterr() == ("", "")


def test_its_numbers_are_those_of_the_functions_it_calls(tmp_path, photo_folder, source, truth):
    work = Workspace(tmp_path / "work")
    pool = work.embed(photo_folder, source).pool
    names = ["a" if image_id.startswith("a") else "b c" for image_id in pool.image_ids]

    selection = work.select(5, "ent_inv", random_state=3, out=tmp_path / "five.csv")
    simulated = work.simulate(truth, 6, acquisition="random", balancing="diff_min", random_state=1)
    model = work.train("nearest_mean", prior_correction=False, random_state=2, self_training=False)

    assert selection.indices.tolist() == evenpick.select(pool, 5, "ent_inv", 3).tolist()
    result = evenpick.simulate(pool, names, 6, acquisition="random", balancing="diff_min", random_state=1)
    assert simulated.result.indices.tolist() == result.indices.tolist() == work.labels.rows.tolist()
    alone = evenpick.train(pool, result.indices, result.labels, "nearest_mean", False, 2, unlabelled=())
    assert np.array_equal(model.predict_proba(pool), alone.predict_proba(pool))


def test_what_it_returns_reads_as_the_commands_print_it(tmp_path, make_workspace):
    work = Workspace(make_workspace(n=10))
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label\n" + "".join(f"00{i}.jpg,{'ab'[i % 2]}\n" for i in range(4)))

    assert repr(work) == f"Workspace('{work.path}')"
    assert repr(work.select(2)) == f"2 images to label, first choice first: '{work.paths.selection}'"
    assert repr(work.import_labels(labels)) == "4 labels imported.\nClasses: 'a' 2, 'b' 2."
    assert work.import_labels(labels).counts["known already"] == 4
    assert repr(work.export(tmp_path / "out.csv")) == f"4 labels written to '{tmp_path / 'out.csv'}'."
    status = repr(work.status())
    assert status.splitlines()[0] == "Next:"
    assert f"\n{work.path}: 10 images." in status
    assert ["classes", "found", "2"] in [line.split() for line in status.splitlines()]
    assert work.status().sentences[0] in status
    assert work.diagnose().advice.finding in repr(work.diagnose())


def test_a_simulation_counts_classes_that_were_not_found(tmp_path, make_workspace):
    work = Workspace(make_workspace(n=10))
    truth = tmp_path / "truth.csv"
    rows = [(image_id, "rare" if row == 9 else "common") for row, image_id in enumerate(work.pool.image_ids)]
    truth.write_text("image,label\n" + "".join(f"{image_id},{name}\n" for image_id, name in rows))
    first = next(
        seed for seed in range(20) if 9 not in evenpick.select(work.pool, 3, "random", seed)
    )  # three common ones

    done = work.simulate(truth, 3, acquisition="random", balancing=None, random_state=first)
    said: list[str] = []
    options = {"acquisition": "random", "balancing": None, "random_state": first}
    again = work.simulate(truth, 3, restart=True, announce=said.append, **options)

    # Counts 3 and 0: mean 1.5, standard deviation 1.5.
    assert repr(done) == "3 labels, 1 of 2 classes found, imbalance ratio 1.00."
    assert said == [f"The old labels are kept in '{work.paths.labels_aside(1)}'."]
    assert again.result.indices.tolist() == done.result.indices.tolist()


def test_a_simulation_that_fails_has_said_where_the_old_labels_are(tmp_path, make_workspace, monkeypatch):
    work = Workspace(make_workspace(n=10))
    truth = tmp_path / "truth.csv"
    truth.write_text("image,label\n" + "".join(f"{image_id},common\n" for image_id in work.pool.image_ids))
    work.simulate(truth, 3)
    said: list[str] = []

    def full(self, entries):
        raise OSError("no room")

    monkeypatch.setattr("evenpick.labels.record.LabelStore.append", full)
    with pytest.raises(OSError, match="no room"):
        work.simulate(truth, 3, restart=True, announce=said.append)

    assert said == [f"The old labels are kept in '{work.paths.labels_aside(1)}'."]


def test_images_that_cannot_be_read_are_told_of_and_copies_are_predicted(tmp_path, photo_folder, source, truth):
    work = Workspace(tmp_path / "work")
    work.embed(photo_folder, source)
    work.simulate(truth, 8)
    work.train(self_training=False)
    test = tmp_path / "test"
    test.mkdir()
    photo = next(photo_folder.rglob("*.jpg")).read_bytes()
    for name, data in (("1.jpg", photo), ("2.jpg", photo), ("bad.jpg", b"")):
        (test / name).write_bytes(data)
    labels = tmp_path / "test.csv"
    labels.write_text("image,label\n1.jpg,a\n2.jpg,a\nbad.jpg,a\n")

    predictions, found = work.predict(test), work.evaluate(test, labels)

    assert predictions.image_ids == ["1.jpg", "2.jpg"]
    assert predictions.left_out == [("bad.jpg", "the file is empty")]
    assert repr(predictions) == f"2 predictions: 2 {predictions.labels[0]}"
    assert (found.n_images, found.unreadable) == (2, (("bad.jpg", "the file is empty"),))


def test_test_labels_of_missing_images_are_told_by_their_folder_and_passed_over_if_so_asked(
    tmp_path, photo_folder, source, truth
):
    work = Workspace(tmp_path / "work")
    work.embed(photo_folder, source)
    work.simulate(truth, 8)
    work.train(self_training=False)
    labels = tmp_path / "test.csv"
    labels.write_text(truth.read_text() + "gone.jpg,a\nnot yet.jpg,\n")

    with pytest.raises(EvenpickError) as refused:
        work.evaluate(photo_folder, labels)
    found = work.evaluate(photo_folder, labels, skip_unknown=True)

    assert str(refused.value) == (
        f"'{labels}' names 1 image that is not in the folder '{photo_folder}': 'gone.jpg'; names must be paths relative to "
        "this folder, or have one thing before all of them; --skip-unknown passes over them"
    )
    assert (found.n_images, found.unknown) == (12, ("gone.jpg",))
    assert "Labels of images that the folder does not hold, passed over: 'gone.jpg'." in found.sentences


def test_a_folder_that_is_predicted_is_seen_in_the_views_of_the_pool(tmp_path, photo_folder, source, truth):
    work = Workspace(tmp_path / "work")
    pool = work.embed(photo_folder, source, views=3).pool
    work.simulate(truth, 8)
    work.train(self_training=False)
    test = tmp_path / "test"
    shutil.copytree(photo_folder, test)

    predictions = work.predict(test)
    found = Pool.open(work.paths.other_folder(test))

    assert pool.source.preprocessing.views == found.source.preprocessing.views == 3
    assert predictions.image_ids == sorted(pool.image_ids)
    rows = [found.row_of[image_id] for image_id in pool.image_ids]
    assert found.features[rows] == pytest.approx(pool.features[:], abs=1e-6)
    assert found.mutual_information[rows] == pytest.approx(pool.mutual_information, abs=1e-6)


@pytest.mark.slow
def test_the_page_is_served_until_it_is_stopped(make_workspace):
    path = make_workspace()
    code = f"import evenpick; evenpick.Workspace({str(path)!r}).label(3, port=0, open_browser=False)"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        address = server.stdout.readline().split()[-1]
        address, token = address.split("?token=")
        headers = {"origin": address.rstrip("/"), "authorization": f"Bearer {token}"}
        asked = httpx.post(f"{address}api/next", json={}, headers=headers).json()
        assert asked["progress"]["budget"] == 3
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        server.stdout.close()


def said_by_label(work, budget=None, **options):
    """What `label` announces before its address."""
    said = []

    def announce(text):
        said.append(text)
        if "Label here" in text:
            raise KeyboardInterrupt  # as Ctrl+C, before anybody is served

    with pytest.raises(KeyboardInterrupt):
        work.label(budget, announce=announce, port=0, open_browser=False, **options)
    return said[:-1]


def test_label_says_that_a_tenth_is_drawn_at_random(make_workspace):
    without, by_default = (
        said_by_label(Workspace(make_workspace(210, name=name)), 200, audit=audit)
        for name, audit in (("without", 0), ("with", None))
    )

    assert [*without, *by_default] == [
        "20 of 200 labels are of images drawn at random: they tell an accuracy, with an interval that is meant to hold nine "
        "times in ten. `--audit 0` draws none."
    ]


def test_label_promises_an_accuracy_from_twenty_drawn_labels_on(make_workspace):
    said = said_by_label(Workspace(make_workspace(60)), 50, audit=0.1)

    assert said[0] == (
        "5 of 50 labels are of images drawn at random; from 20 on they tell an accuracy with an interval. "
        "`--audit 0` draws none."
    )


def test_label_says_that_it_is_at_work_only_where_that_takes_long(make_workspace, monkeypatch):
    work, said = Workspace(make_workspace()), []
    assert said_by_label(work, 4) == said_by_label(work) == []
    with pytest.raises(EvenpickError, match="'cor_set' does not exist"):
        work.label(4, acquisition="cor_set", announce=said.append, open_browser=False)
    assert said == []

    monkeypatch.setattr("evenpick.workspace.TAKES_LONG", 0.0)
    assert said_by_label(work, 5) == ["Preparing the images; among many this takes a while ..."]


AS_SETTLED = "From `select` or `export` before: {}. Say others here to choose otherwise."


def test_label_says_what_it_takes_over_from_select_and_a_file_elsewhere_settles_nothing(tmp_path, make_workspace):
    work = Workspace(make_workspace())

    work.select(4, "core_set", 5, out=tmp_path / "look.csv")
    with pytest.raises(EvenpickError, match="a new session needs a budget"):
        said_by_label(work)
    work.select(4, "core_set", 5)

    assert said_by_label(work) == [AS_SETTLED.format("--budget 4, --acquisition core_set, --seed 5")]
    assert said_by_label(work, 6) == [AS_SETTLED.format("--acquisition core_set, --seed 5")]
    assert said_by_label(work) == [AS_SETTLED.format("--acquisition core_set, --seed 5")], (
        "the budget is label's by now"
    )
    assert said_by_label(work, acquisition="auto", random_state=0) == said_by_label(work) == []


def test_label_says_what_it_takes_over_from_an_export_of_tasks(tmp_path, make_workspace):
    work = Workspace(make_workspace())
    work.export(tmp_path / "tasks.json", "label-studio", budget=5, acquisition="core_set", classes=["a", "b"])

    assert said_by_label(work) == [AS_SETTLED.format("--budget 5, --acquisition core_set")]


def test_what_select_settled_is_told_until_the_first_answer(make_workspace):
    work = Workspace(make_workspace())
    work.select(4, "core_set", 5)
    head, *rows = work.paths.selection.read_text().splitlines()
    work.paths.selection.write_text("\n".join([head, *(f"{row}a" for row in rows)]))
    work.import_labels(work.paths.selection)

    told = [AS_SETTLED.format("--acquisition core_set, --seed 5")]
    assert said_by_label(work, 6) == told, "imported labels answer no session"
    with RecordedSession(work.path, work.pool) as session:
        session.label(session.next(), "a")
    assert said_by_label(work) == []
    with RecordedSession(work.path, work.pool) as session:
        session.undo()
    assert said_by_label(work) == [], "others are refused, as an answer is in the record"


@pytest.mark.parametrize("by_export", [False, True])
def test_after_an_import_label_goes_on_with_the_last_select_or_export(by_export, tmp_path, make_workspace):
    work = Workspace(make_workspace())
    work.select(4)
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label\n000.jpg,a\n001.jpg,b\n")
    work.import_labels(labels)
    assert said_by_label(work) == [AS_SETTLED.format("--budget 4")], "what is as by default was not said"

    work.paths.selection.unlink()
    if by_export:
        work.export(tmp_path / "tasks.json", "label-studio", budget=7, acquisition="core_set")
    else:
        work.select(5, "core_set")

    assert said_by_label(work) == [AS_SETTLED.format("--budget 7, --acquisition core_set")]
    assert work.status().facts["budget"] == 7


def test_a_restart_forgets_what_was_said_of_a_session_that_nobody_answered(make_workspace):
    said = []

    def announce(text):
        said.append(text)
        if "Label here" in text:
            raise KeyboardInterrupt

    work = Workspace(make_workspace(210))
    for restart, options in ((False, {"balancing": "ratio_max", "audit": 0}), (True, {})):
        with pytest.raises(KeyboardInterrupt):
            work.label(200, restart=restart, announce=announce, port=0, open_browser=False, **options)

    with LabelStore(work.path) as store:
        assert (store.settings["balancing"], store.settings["audit"]) == ("auto", 0.1)
    assert len(list(work.path.glob("labels*.sqlite"))) == 1, "nothing was there to be kept"


def test_a_restart_moves_nothing_while_the_page_is_open(tmp_path, make_workspace):
    work, said = Workspace(make_workspace()), []
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label\n000.jpg,a\n")
    work.import_labels(labels)

    with FileLock(work.paths.label_lock), pytest.raises(EvenpickError, match="labelled by another process"):
        work.label(5, restart=True, announce=said.append, open_browser=False)

    assert said == []
    assert work.labels.names == ["a"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda work: work.pool, "is not a workspace: run `evenpick embed"),
        (lambda work: work.labels, "is not a workspace"),
        (lambda work: work.train(), "is not a workspace"),
        (lambda work: work.model, "holds no model: run `evenpick train` first"),
        (lambda work: work.predict("photos"), "holds no model"),
        (lambda work: work.status(), "is not a workspace"),
        (lambda work: work.export("x", to="cvs"), "form 'cvs' does not exist; did you mean 'csv'?"),
        (
            lambda work: work.export("x", to="label-studio", budgt=3),
            "setting 'budgt' does not exist; did you mean 'budget'?",
        ),
    ],
)
def test_a_mistake_is_one_line(call, message, tmp_path):
    with pytest.raises(EvenpickError) as error:
        call(Workspace(tmp_path / "gone"))

    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_without_labels_there_is_nothing_to_train_on(make_workspace):
    work = Workspace(make_workspace())

    assert work.labels.names == []
    assert isinstance(work.pool, Pool)
    with pytest.raises(EvenpickError, match="has no label yet: label or import some first"):
        work.train()
    assert not work.paths.labels.exists()


def test_predicting_the_own_folder_opens_the_pool_once(tmp_path, photo_folder, source, truth, monkeypatch):
    work = Workspace(tmp_path / "work")
    work.embed(photo_folder, source)
    work.simulate(truth, 8)
    work.train(self_training=False)
    opened, really_open = [], Pool.open
    monkeypatch.setattr(Pool, "open", lambda path: opened.append(path) or really_open(path))

    assert len(work.predict(photo_folder).labels) == 12
    assert opened == [work.path]


def test_evaluate_says_how_many_test_images_are_not_new(tmp_path, photo_folder, source, truth):
    work = Workspace(tmp_path / "work")
    work.embed(photo_folder, source, group_by="none")
    photos = sorted(photo.relative_to(photo_folder).as_posix() for photo in photo_folder.rglob("*.jpg"))
    half = tmp_path / "half.csv"
    half.write_text("image,label\n" + "".join(f"{photo},{photo.split('/')[0]}\n" for photo in photos[::2]))
    work.import_labels(half)
    work.train(n_folds=2, self_training=False)

    all_known, mixed = work.evaluate(photo_folder, half), work.evaluate(photo_folder, truth)

    assert all_known.warning == (
        "6 of 6 test images are among the labels: none is new, and the accuracy says nothing of new images."
    )
    assert (mixed.among_labels, mixed.on_new.n_images + mixed.near_labels) == (6, 6)
    assert mixed.warning.startswith("6 of 12 test images are among the labels")
    new = tmp_path / "new"
    for i in range(4):
        (new / photos[2 * i + 1]).parent.mkdir(parents=True, exist_ok=True)
        (new / f"{i}.jpg").write_bytes((photo_folder / photos[2 * i]).read_bytes())
    (tmp_path / "new.csv").write_text("image,label\n" + "".join(f"{i}.jpg,a\n" for i in range(4)))
    assert work.evaluate(new, tmp_path / "new.csv").among_labels == 4  # under other names, in another folder


def test_predictions_are_smoothed_within_groups(tmp_path, photo_folder, source, truth):
    work = Workspace(tmp_path / "work")
    work.embed(photo_folder, source, group_by=r"(\d)\.jpg")  # 00 with 10, 01 with 11
    work.import_labels(truth)
    work.train(n_folds=2, self_training=False)
    new = tmp_path / "new"
    new.mkdir()
    for i, photo in enumerate(sorted(photo_folder.rglob("*.jpg"))):
        (new / f"{i:02d}.jpg").write_bytes(photo.read_bytes())

    for folder in (photo_folder, new):
        plain, smooth = work.predict(folder), work.predict(folder, smooth=True)
        rows = {image_id.rpartition("/")[2]: row for row, image_id in enumerate(plain.image_ids)}
        assert plain.image_ids == smooth.image_ids
        for one, other in (("00.jpg", "10.jpg"), ("01.jpg", "11.jpg")):
            pair = [rows[one], rows[other]]
            assert smooth.probabilities[pair] == pytest.approx(np.tile(plain.probabilities[pair].mean(axis=0), (2, 1)))
        assert np.array_equal(smooth.probabilities[rows["05.jpg"]], plain.probabilities[rows["05.jpg"]])
