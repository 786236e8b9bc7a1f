"""The report: the same facts in three forms, in one file that needs nothing else."""

import base64
import csv
import hashlib
import html
import json
import re

import numpy as np
import pytest
from PIL import Image

from evenpick.errors import EvenpickError
from evenpick.estimates import images_stood_for
from evenpick.images import Preprocessing
from evenpick.labels import Annotation, LabelStore, recorded_labels
from evenpick.pool import Pool, embed
from evenpick.reports import report_fragment, workspace_status, write_evaluation, write_report, write_report_data
from evenpick.session import RecordedSession, answer_all
from evenpick.sources import SourceModel
from evenpick.training import evaluate, train


def mean_colours(batch):
    """A source without weights: mean and spread of each colour, and two source classes by brightness."""
    features = np.concatenate([batch.mean(axis=(2, 3)), batch.std(axis=(2, 3))], axis=1)
    return features, np.stack([features[:, 0], -features[:, 0]], axis=1)


@pytest.fixture
def workspace(tmp_path, photo_folder):
    source = SourceModel("colours", Preprocessing(size=8), 6, 2, "none", "colours-1", mean_colours)
    embed(tmp_path / "work", photo_folder, source)
    return tmp_path / "work"


def digest(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def text_of(page):
    """With code between backticks, as the sentences have it, and without all other marks of HTML."""
    return html.unescape(re.sub(r"<[^>]+>", "", re.sub("</?code>", "`", page)))


def label_everything(workspace, name=lambda image_id: "<b>a</b>" if image_id.startswith("a") else "b c"):
    pool = Pool.open(workspace)
    with RecordedSession(workspace, pool, 8, "me", acquisition="random", balancing="diff_min") as session:
        answer_all(session, lambda index: None if index == 0 else name(pool.image_ids[index]))
        answers = [a for a in session.session.answers if a.label]
    model = train(pool, [a.index for a in answers], [a.label for a in answers], n_folds=2)
    model.save(workspace / "model")
    truth = [name(image_id) for image_id in pool.image_ids]
    write_evaluation(workspace, evaluate(model, pool, [*truth[:-1], "never found"]), "the same images")


@pytest.mark.slow
def test_page_json_and_csv_tell_the_same(workspace):
    label_everything(workspace)

    page = write_report(workspace).read_text()
    facts = json.loads((workspace / "report" / "report.json").read_text())
    with (workspace / "report" / "classes.csv").open() as handle:
        classes = {row["class"]: row for row in csv.DictReader(handle)}

    assert facts["n_labels"] == 8 == sum(int(row["labels"]) for row in classes.values())
    assert classes["never found"]["labels"] == "0"
    assert facts["evaluation"]["undiscovered"] == ["never found"]
    assert f"{facts['evaluation']['corrected_accuracy']:.1%}" in page
    assert len(re.findall(r'<li class="[^"]*" id="at-\d+"[^>]*><img src="data:image/jpeg;base64,', page)) == 8
    assert facts["imbalance_ratio"] == pytest.approx(np.std([int(r["labels"]) for r in classes.values()]) / (8 / 3))


def test_what_to_expect_is_told_in_words_and_numbers(make_workspace):
    workspace = make_workspace()
    with LabelStore(workspace) as store:
        store.append([Annotation(f"{i:03d}.jpg", name, annotator="me") for i, name in enumerate("abbc" + "abba" * 6)])

    page = write_report(workspace).read_text()
    expected = workspace_status(workspace).outlook

    assert all(sentence in text_of(page) for sentence in expected.sentences)
    assert [name for name, _ in expected.rows][-1] == "with 40 labels"
    assert "<dt>Macro accuracy to expect now, a guess</dt>" in page
    assert "Chao1" not in page, "labels that were chosen do not tell it"
    assert all(f"<dd>{value}</dd>" in page for _, value in expected.rows)


def test_what_it_is_too_early_to_show_is_held_back_but_in_the_json(workspace):
    label_everything(workspace)

    page = write_report(workspace).read_text()
    facts = json.loads((workspace / "report" / "report.json").read_text())

    assert "All that the labels tell" in page
    assert all(sentence in text_of(page) for sentence in facts["outlook"])
    assert "With 12 labels" not in page
    assert facts["unseen"]["too_early"]
    assert facts["expectation"]["n_labels"] == facts["unseen"]["n_labels"] == 8


@pytest.mark.slow
def test_the_page_loads_nothing_and_class_names_stay_text(workspace):
    label_everything(workspace)

    page = write_report(workspace, title="<script>alert(1)</script>").read_text()

    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    assert page.count("<script") == 1 == page.count("<style")
    assert "<b>a</b>" not in page
    assert not re.search(r"""\son\w+=|\sstyle=""", page)
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    script, style = (re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1] for tag in ("script", "style"))
    assert policy == f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; img-src data:"


def test_a_table_of_an_earlier_report_goes_where_it_has_no_row_now(make_workspace):
    workspace = make_workspace()
    with LabelStore(workspace) as store:
        store.append([Annotation("000.jpg", "a", annotator="me")])
    (workspace / "report").mkdir()
    (workspace / "report" / "confusions.csv").write_text("of before")

    write_report(workspace)

    assert not (workspace / "report" / "confusions.csv").exists()
    assert (workspace / "report" / "classes.csv").exists()


def test_a_report_without_model_and_test_set_says_so(workspace):
    pool = Pool.open(workspace)
    with RecordedSession(workspace, pool, 3, "me", acquisition="random", balancing=None) as session:
        answer_all(session, lambda index: "one")

    page = write_report(workspace).read_text()

    assert "No classifier has been trained yet" in page


@pytest.mark.slow
def test_an_evaluation_of_an_earlier_version_is_shown_without_what_it_did_not_keep(workspace):
    label_everything(workspace)
    file = workspace / "report" / "evaluation.json"
    kept = json.loads(file.read_text())
    plain = ("n_images", "accuracy", "accuracy_half_width", "corrected_accuracy", "corrected_half_width", "unreadable")
    of_class = ("name", "discovered", "n_images", "accuracy", "corrected_accuracy")
    classes = [{key: row[key] for key in of_class} for row in kept["classes"]]
    old = {
        key: kept[key] for key in ("test_set", "model", "undiscovered", "among_labels", "near_labels", "on_new", *plain)
    }
    file.write_text(json.dumps({**old, "classes": classes}))

    page = write_report(workspace).read_text()

    own = kept["corrected_accuracy"] if kept["tau"] else kept["accuracy"]
    assert f"The classifier recognises {own:.0%}" in page
    assert "never found" in page


def test_labels_that_came_after_the_training_are_told(workspace):
    label_everything(workspace)
    with LabelStore(workspace) as store:
        last = store.entries()[-1]
    pool = Pool.open(workspace)
    with RecordedSession(workspace, pool) as session:
        session.undo()
        session.label(pool.row_of[last.image], "changed")

    assert "Labels were added or changed" in write_report(workspace).read_text()


@pytest.mark.slow
def test_an_image_whose_file_is_gone_is_shown_as_missing(workspace, photo_folder):
    label_everything(workspace)
    for file in photo_folder.rglob("*.jpg"):
        file.unlink()

    assert 'class="gone"' in write_report(workspace).read_text()


@pytest.mark.slow
def test_made_twice_it_is_the_same_to_the_byte(workspace, tmp_path):
    label_everything(workspace)

    write_report(workspace, out=tmp_path / "one")
    write_report(workspace, out=tmp_path / "two")

    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_the_facts_alone_are_those_of_the_report(make_workspace, tmp_path):
    workspace = make_workspace()
    with LabelStore(workspace) as store:
        store.append([Annotation(f"{i:03d}.jpg", name, annotator="me") for i, name in enumerate("abbc" + "abba" * 6)])

    write_report_data(workspace, tmp_path / "new" / "facts.json")
    assert not (workspace / "report").exists()
    write_report(workspace)

    assert (tmp_path / "new" / "facts.json").read_bytes() == (workspace / "report" / "report.json").read_bytes()


def test_with_an_audit_it_tells_how_sure_the_classifier_is_of_images_that_nobody_chose(make_workspace, tmp_path):
    workspace = make_workspace(120)
    pool = Pool.open(workspace)
    with RecordedSession(workspace, pool, 60, audit=0.5) as session:
        for number in range(60):
            session.label(session.next(), "ab"[number % 2])
        drawn = {answer.index: 1 / answer.chance for answer in session.session.answers if answer.chance}

    facts = json.loads(write_report_data(workspace, tmp_path / "facts.json").read_text())

    assert images_stood_for(pool, recorded_labels(workspace, pool)) == pytest.approx(drawn)
    assert 20 <= len(drawn) == sum(one["n"] for one in facts["calibration"]["bins"]) < 60
    assert facts["calibration"]["of"].startswith("the images drawn at random, ")


def test_a_fragment_has_the_sentences_and_the_classes_and_touches_nothing_around_it(make_workspace):
    workspace = make_workspace()
    names = [f"class {i}" for i in range(12)]
    with LabelStore(workspace) as store:
        store.append([Annotation(f"{i:03d}.jpg", names[i % 12], annotator="me") for i in range(36)])

    fragment = report_fragment(workspace)

    text, style = text_of(fragment), re.search("<style>(.*?)</style>", fragment, re.DOTALL)[1]
    assert text.count("class 1") >= 1
    assert "2 more classes are in the report" in text
    assert "<script" not in fragment
    assert ":root" not in style
    outer = re.sub(r"\{[^{}]*\}", "", re.sub(r"\{[^{}]*\}", "", re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)))
    rules = re.findall(r"[^{};]+", outer)
    assert all("evenpick" in rule or rule.strip().startswith("@media") for rule in rules if rule.strip())


def test_names_that_are_long_or_from_right_to_left_stay_apart(make_workspace):
    workspace = make_workspace(30)
    names = ["שועל אדום", "x" * 300, "<i>&"]
    with LabelStore(workspace) as store:
        store.append([Annotation(f"{i:03d}.jpg", names[i % 3], annotator="me") for i in range(24)])

    page = write_report(workspace).read_text()

    assert '<bdi class="name">שועל אדום</bdi>' in page
    assert '<bdi class="name">&lt;i&gt;&amp;</bdi>' in page


def test_without_labels_there_is_no_report(workspace):
    with pytest.raises(EvenpickError, match="has no label yet"):
        write_report(workspace)


def test_a_label_of_an_image_that_left_the_pool_is_told_in_one_line(workspace):
    with LabelStore(workspace) as store:
        store.append([Annotation("gone.png", "a", annotator="me")])

    with pytest.raises(EvenpickError, match=r"names an image that the pool does not hold: 'gone\.png'"):
        write_report(workspace)


def test_the_report_holds_no_path_of_this_machine_and_nothing_of_the_photographs_but_their_pixels(
    tmp_path, photo_folder
):
    for file in photo_folder.rglob("*.jpg"):
        image, exif = Image.open(file), Image.Exif()
        exif[0x010E] = "HIDDEN"
        image.save(file, comment=b"HIDDEN", exif=exif.tobytes())
    weights = f"onnx:{tmp_path / 'mine.onnx'}"
    embed(tmp_path / "work", photo_folder, SourceModel(weights, Preprocessing(size=8), 6, 2, "none", "c", mean_colours))
    label_everything(tmp_path / "work")

    page = write_report(tmp_path / "work", out=tmp_path / "out")

    names = {file.name for file in (tmp_path / "out").iterdir()}
    named = {f"{name}.csv" for name in re.findall(r"<code>(\w+)\.csv</code>", page.read_text())}
    assert names == {"index.html", "report.json", *named}
    assert {"classes.csv", "labels.csv", "map.csv", "found.csv", "accuracies.csv"} <= named
    assert not any(str(tmp_path).encode() in file.read_bytes() for file in (tmp_path / "out").iterdir())
    assert json.loads((tmp_path / "out" / "report.json").read_bytes())["source"]["name"] == "onnx:mine.onnx"
    pictures = [base64.b64decode(one) for one in re.findall(r"base64,([^\"]+)", page.read_text())]
    assert len(pictures) >= 8
    assert not any(b"HIDDEN" in picture for picture in pictures)
