"""Words as source classes go the whole way: embed, diagnose, select, label, train, predict, export; on real photographs."""

import json
import pickle
import shutil
import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from word_pair import text_encoder, tokenizer_of

from evenpick.acquisition import ACQUISITIONS, select
from evenpick.acquisition.table import BY_PREDICTIONS, BY_VIEWS
from evenpick.cli import main
from evenpick.errors import EvenpickError
from evenpick.estimates import MeasuredTransfer, advice
from evenpick.paths import Paths
from evenpick.pool import Pool, embed
from evenpick.pool import embedding as pool_embedding
from evenpick.pool.storage import read_words
from evenpick.sources import SourceModel, TextEncoder, word_classes
from evenpick.training import Model
from evenpick.workspace import Workspace

NAMES = ["cat", "cup of coffee", "daisy", "missile", "palace", "pizza", "zebra"]


@pytest.fixture(scope="module")
def source(word_pair, source_cache):
    return f"onnx:{word_pair / 'vision_model.onnx'}"


@pytest.fixture(scope="module")
def folder(known_photographs):
    return known_photographs["folder"]


@pytest.fixture(scope="module")
def without_words(source, folder, tmp_path_factory):
    """The five photographs."""
    work = Workspace(tmp_path_factory.mktemp("without") / "work")
    work.embed(folder, source)
    return work


@pytest.fixture(scope="module")
def embedded(source, folder, tmp_path_factory):
    """The five photographs, with seven words; tests leave it as it is."""
    work = Workspace(tmp_path_factory.mktemp("embedded") / "work")
    work.embed(folder, source, class_names=NAMES)
    return work


@pytest.fixture(scope="module")
def of_views(source, folder, tmp_path_factory):
    """The same in two views."""
    work = Workspace(tmp_path_factory.mktemp("views") / "work")
    work.embed(folder, source, class_names=NAMES, views=2)
    return work


@pytest.fixture
def work(embedded, tmp_path):
    """A copy of it."""
    shutil.copytree(embedded.path, tmp_path / "work")
    return Workspace(tmp_path / "work")


def seen_as(work):
    pool = Pool.open(work.path)
    return {image_id: pool.source.words.names[i] for image_id, i in zip(pool.image_ids, pool.source_class, strict=True)}


def test_photographs_are_taken_for_what_they_show_by_names_that_were_seen_in_part_only(embedded, known_photographs):
    assert seen_as(embedded) == {name: shown for name, shown in known_photographs.items() if name != "folder"}


def test_other_words_need_no_image_to_be_looked_at_again(work, source, folder, monkeypatch):
    before = Pool.open(work.path).features[:]
    files = {file: file.stat().st_mtime_ns for file in Paths(work.path).pool.glob("features*")}
    monkeypatch.setattr(pool_embedding, "see_batch", lambda *asked: pytest.fail("an image is looked at"))

    done = work.embed(folder, source, class_names=["castle", "tiger cat"])

    assert done.done_now == 0
    assert (seen_as(work)["chelsea.jpg"], seen_as(work)["china.jpg"]) == ("tiger cat", "castle")
    assert (Pool.open(work.path).features[:] == before).all()
    assert {file: file.stat().st_mtime_ns for file in Paths(work.path).pool.glob("features*")} == files
    assert len([*Paths(work.path).pool.glob("words-*.npy")]) == 1  # those of before are gone


def test_words_can_be_said_after_the_images_were_embedded(without_words, embedded, source, folder, tmp_path):
    shutil.copytree(without_words.path, tmp_path / "work")
    later = Workspace(tmp_path / "work")
    assert Pool.open(later.path).predictions is None

    done = later.embed(folder, source, class_names=NAMES)

    assert done.done_now == 0
    one, other = Pool.open(embedded.path), Pool.open(later.path)
    assert one.source == other.source
    assert one.source_class.tolist() == other.source_class.tolist()
    for name in ("entropy", "margin", "confidence"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-4)


def test_going_on_needs_neither_words_nor_text_encoder(work, source, folder, tmp_path, monkeypatch):
    more = tmp_path / "more"
    more.mkdir()
    for name in ("chelsea.jpg", "coffee.jpg"):
        (more / name).write_bytes((Pool.open(work.path).folder / name).read_bytes())
    growing = Workspace(tmp_path / "growing")
    growing.embed(more, source, class_names=NAMES)
    (more / "flower.jpg").write_bytes((Pool.open(work.path).folder / "flower.jpg").read_bytes())
    monkeypatch.setattr(TextEncoder, "load", None)

    done = growing.embed(more, source)

    assert (done.done_now, seen_as(growing)["flower.jpg"]) == (1, "daisy")


def test_prompts_are_settable_and_kept(work, source, folder):
    assert Pool.open(work.path).source.words.prompts == ("a photo of a {}",)
    work.embed(folder, source, prompts=["a drawing of a {}", "{}"])
    work.embed(folder, source, class_names=["cat", "daisy"])

    words = Pool.open(work.path).source.words
    assert (words.prompts, words.names) == (("a drawing of a {}", "{}"), ("cat", "daisy"))


def test_a_text_encoder_without_names_is_kept_to_find_images_by_words(word_pair, folder, tmp_path, source, capsys):
    text = tmp_path / "elsewhere"
    shutil.copytree(word_pair, text)
    (text / "vision_model.onnx").rename(tmp_path / "alone.onnx")
    (text / "vision_model.json").rename(tmp_path / "alone.json")
    work, own = Workspace(tmp_path / "work"), f"onnx:{tmp_path / 'alone.onnx'}"
    asked = ["embed", str(work.path), folder, "--source", own, "--text-encoder", f"onnx:{text / 'text_model.onnx'}"]
    with pytest.raises(SystemExit) as ended:
        main([*asked, "--prompt", "a {}"])
    assert ended.value.code == 0
    assert "Images can be found by any words by text encoder onnx:" in capsys.readouterr().out.replace("\n", " ")
    pool = work.pool
    assert (pool.predictions, pool.source.words.names, pool.source.words.prompts) == (None, (), ("a {}",))
    assert work.find("missile", 1).image_ids == ["rocket.jpg"]
    assert "encoder without classes" in work.diagnose().advice.finding

    assert work.embed(folder, own).done_now == 0  # it is kept
    assert work.find("daisy", 1).image_ids == ["flower.jpg"]
    assert work.embed(folder, own, class_names=["cat", "daisy"]).done_now == 0
    assert seen_as(work)["chelsea.jpg"] == "cat"
    assert work.pool.source.words.prompts == ("a {}",)


def test_photographs_are_found_by_words_on_the_command_line_and_in_a_notebook(
    embedded, without_words, known_photographs, capsys
):
    for file, shown in known_photographs.items():
        if file != "folder":
            assert without_words.find(f"a {shown}", 2).image_ids[0] == file
    found = embedded.find("a tabby cat")
    assert found.image_ids[0] == "chelsea.jpg"
    assert len(found.image_ids) == len(found.indices) == 5
    assert repr(found).startswith("5 images nearest to 'a tabby cat': 'chelsea.jpg'")
    assert found._repr_html_().count("<img") == 5

    with pytest.raises(SystemExit) as ended:
        main(["find", str(embedded.path), "espresso", "--count", "2"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.splitlines()[0] == "coffee.jpg"


def test_a_number_of_images_to_find_may_be_one_of_numpy(embedded):
    found = embedded.find("cat", np.int64(1))
    assert repr(found) == "1 image nearest to 'cat': 'chelsea.jpg'"


@pytest.mark.parametrize("count", [0, -1, True, 1.5])
def test_a_number_of_images_to_find_that_is_none_is_refused(embedded, count):
    with pytest.raises(EvenpickError, match="the number of images to find must be a whole number from 1; got"):
        embedded.find("cat", count)


def test_images_that_are_gone_are_found_no_more(source, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "photos")
    work = Workspace(tmp_path / "work")
    work.embed(tmp_path / "photos", source)
    (tmp_path / "photos" / "chelsea.jpg").unlink()
    work.embed(tmp_path / "photos", source)

    assert "chelsea.jpg" not in work.find("cat").image_ids
    assert len(work.find("cat").image_ids) == 4


def test_a_list_without_a_name_and_prompts_without_an_encoder_are_refused(source, folder, tmp_path, source_cache):
    with pytest.raises(EvenpickError, match="class names: there is none; give two or more"):
        Workspace(tmp_path / "work").embed(folder, source, class_names=[])
    with pytest.raises(EvenpickError, match="prompts need the text encoder of the same pair as the source"):
        Workspace(tmp_path / "work").embed(folder, prompts=["a {}"])


def test_the_pair_that_was_embedded_finds_whatever_lies_at_its_relative_path_elsewhere(
    word_pair, folder, tmp_path, monkeypatch, source_cache
):
    here, there = tmp_path / "here", tmp_path / "there"
    for place in (here, there):
        shutil.copytree(word_pair, place / "clip")
    onnx.save(text_encoder(np.roll(vectors_of(word_pair), 7, axis=0)), there / "clip" / "text_model.onnx")
    monkeypatch.chdir(here)
    work = Workspace(tmp_path / "work")
    assert work.embed(folder, "onnx:clip/vision_model.onnx").said == []
    assert work.pool.source.words.encoder == f"onnx:{here}/clip/text_model.onnx"
    monkeypatch.chdir(there)
    assert work.find("missile", 1).image_ids == ["rocket.jpg"]

    shutil.copy(there / "clip" / "text_model.onnx", here / "clip" / "text_model.onnx")
    with pytest.raises(
        EvenpickError, match=r"here/clip/text_model.onnx' is another one than when .*: put that back, or run"
    ):
        work.find("missile", 1)
    (here / "clip" / "text_model.onnx").unlink()
    with pytest.raises(EvenpickError, match=r"file '.*here/clip/text_model.onnx' does not exist: put it there, or run"):
        work.find("missile", 1)
    moved = f"onnx:{word_pair / 'text_model.onnx'}"
    assert work.embed(folder, "onnx:clip/vision_model.onnx", text_encoder=moved).done_now == 0
    assert work.find("missile", 1).image_ids == ["rocket.jpg"]


def vectors_of(pair):
    (vectors,) = [one for one in onnx.load(pair / "text_model.onnx").graph.initializer if one.name == "vectors"]
    return onnx.numpy_helper.to_array(vectors)


def test_a_text_encoder_beside_that_cannot_be_used_does_not_stop_embed_which_says_so(
    source, folder, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    work = Workspace(tmp_path / "work")
    (said,) = work.embed(folder, source).said
    assert said.startswith("Images cannot be found by words yet: text encoder 'onnx:/")
    assert "needs an extra that is not installed: " in said
    assert work.pool.source.words is None
    with pytest.raises(
        EvenpickError, match="lies beside the source, and the pool does not keep it yet: run `evenpick embed`"
    ):
        work.find("cat")
    monkeypatch.undo()

    assert (work.embed(folder, source).done_now, work.find("cat", 1).image_ids) == (0, ["chelsea.jpg"])


def test_without_names_there_are_no_vectors_to_lose(without_words, source, folder, tmp_path):
    shutil.copytree(without_words.path, tmp_path / "work")
    for file in Paths(tmp_path / "work").pool.glob("words-*.npy"):
        file.unlink()

    assert Workspace(tmp_path / "work").embed(folder, source).done_now == 0


@pytest.mark.slow
def test_a_text_encoder_without_names_leaves_the_predictions_of_the_source_as_they_are(
    word_pair, folder, tmp_path, source_cache
):
    text = f"onnx:{word_pair / 'text_model.onnx'}"
    later, at_once, views = (Workspace(tmp_path / name) for name in ("later", "at once", "views"))
    later.embed(folder)
    own = later.pool.predictions
    assert later.embed(folder, text_encoder=text).done_now == 0
    at_once.embed(folder, text_encoder=text)
    views.embed(folder, views=2)
    assert views.embed(folder, text_encoder=text, views=2).done_now == 0  # which other names could not

    for work in (later, at_once):
        np.testing.assert_array_equal(work.pool.predictions, own)
    for work in (later, at_once, views):
        assert work.find("missile", 1).image_ids == ["rocket.jpg"]
        assert work.pool.source.has_predictions


@pytest.mark.slow
def test_words_stand_in_place_of_the_classes_of_the_default_network(word_pair, folder, tmp_path, source_cache):
    work = Workspace(tmp_path / "work")
    work.embed(folder)
    own = Pool.open(work.path).source_class.tolist()
    work.embed(folder, class_names=NAMES, text_encoder=f"onnx:{word_pair / 'text_model.onnx'}")

    assert 967 in own  # espresso, of its own thousand classes
    assert seen_as(work)["coffee.jpg"] == "cup of coffee"


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_every_function_chooses(name, embedded, of_views):
    pool = Pool.open((of_views if name in BY_VIEWS else embedded).path)

    assert len(set(select(pool, 3, name).tolist())) == 3


def test_functions_that_ask_for_classes_take_each_word_once(embedded):
    pool = Pool.open(embedded.path)

    for name in BY_PREDICTIONS:
        if name.endswith("_div"):
            assert len(set(pool.source_class[ACQUISITIONS[name](pool, 5, np.random.default_rng(0))].tolist())) == 5


def test_diagnose_names_what_the_images_are_taken_for(embedded):
    found = embedded.diagnose()

    assert found.words == {"cat": 1, "cup of coffee": 1, "daisy": 1, "missile": 1, "palace": 1, "pizza": 0, "zebra": 0}
    assert "cat (1), cup of coffee (1)" in repr(found)
    assert "none for 2 of 7 words, such as pizza" in repr(found)
    facts = json.loads(json.dumps(found.facts))
    assert facts["words"]["cat"] == 1


@pytest.mark.parametrize("agreement", [None, 0.5])
def test_diagnose_gives_no_verdict_on_words_and_says_so(embedded, agreement):
    found = embedded.diagnose()
    if agreement:
        measured = MeasuredTransfer(200, 60, agreement, 0.3, 1 / 60, 1.0)
        found = replace(found, measured=measured, advice=advice(found.knowledge, measured, by_words=True))
        assert "agree by 0.50 of 1" in found.advice.finding
        assert ("words and your classes agree", "0.50; 0: by chance, 1: wholly") in found.rows
    facts = json.loads(json.dumps(found.facts))

    assert "Nothing tells yet how well these words fit this domain" in found.advice.finding
    assert (facts["before_labels"]["knows"], facts["advice"]["source_functions_help"]) == (None, None)
    assert "of the words it sees" in repr(found)
    assert "is good" not in repr(found.rows)
    assert "own class" not in repr(found.rows)


@pytest.mark.slow
def test_the_report_speaks_of_words_where_there_are_some(work, tmp_path):
    (tmp_path / "labels.csv").write_text("image,label\nchelsea.jpg,soft\ncoffee.jpg,hard\n")
    work.import_labels(tmp_path / "labels.csv")
    page = work.report().read_text()

    assert "takes for each of the words" in page
    assert "its own classes" not in page


@pytest.mark.slow
def test_it_is_labelled_trained_predicted_with_and_exported(work, known_photographs, tmp_path, monkeypatch):
    shown = {
        "chelsea.jpg": "soft",
        "coffee.jpg": "hard",
        "flower.jpg": "soft",
        "rocket.jpg": "hard",
        "china.jpg": "hard",
    }
    (tmp_path / "labels.csv").write_text(
        "\n".join(["image,label", *(f"{file},{label}" for file, label in shown.items())])
    )
    work.simulate(tmp_path / "labels.csv", 5, acquisition="ent_inv_div")
    model = work.train()
    other = tmp_path / "other"
    other.mkdir()
    for file in shown:
        (other / f"again {file}").write_bytes((Pool.open(work.path).folder / file).read_bytes())
    monkeypatch.setattr(TextEncoder, "load", None)  # a classifier on features asks no words
    predicted, own = work.predict(other), work.predict(known_photographs["folder"])
    work.export(tmp_path / "classifier.onnx", to="onnx")
    session = onnxruntime.InferenceSession((tmp_path / "classifier.onnx").read_bytes())
    (chances,) = session.run(None, {"image": np.zeros((1, 224, 224, 3), np.uint8)})

    assert Model.load(Paths(work.path).model).source == Pool.open(work.path).source.without_words
    assert (len(predicted.labels), predicted.labels) == (5, own.labels)
    assert chances.shape == (1, len(model.classes))
    assert not [*(work.path / "folders").glob("*/pool/predictions*words*")]
    assert "cat" in repr(work.diagnose())


def test_the_command_line_takes_a_file_of_names(source, word_pair, folder, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    text = f"onnx:{word_pair / 'text_model.onnx'}"
    words = ["--class-names", str(tmp_path / "names.txt"), "--text-encoder", text, "--prompt", "{}"]
    with pytest.raises(SystemExit) as ended:
        main(["embed", str(tmp_path / "work"), folder, "--source", source, *words])

    assert ended.value.code == 0
    assert f"Source classes: 7 words by text encoder {text}." in capsys.readouterr().out.replace("\n", " ")


def test_a_killed_change_of_words_leaves_those_of_before(work, source, folder, monkeypatch):
    monkeypatch.setattr("evenpick.pool.writer.PoolWriter._commit", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        work.embed(folder, source, class_names=["castle", "tiger cat"])
    monkeypatch.undo()

    assert seen_as(work)["coffee.jpg"] == "cup of coffee"
    work.embed(folder, source)
    assert seen_as(work)["coffee.jpg"] == "cup of coffee"


@pytest.mark.slow
def test_replaced_images_after_a_change_of_words_get_new_files_beside_those_that_count(work, source, tmp_path, folder):
    photos = tmp_path / "photos"
    photos.mkdir()
    for file in ("chelsea.jpg", "coffee.jpg", "rocket.jpg"):
        (photos / file).write_bytes((Pool.open(work.path).folder / file).read_bytes())
    own = Workspace(tmp_path / "own")
    own.embed(photos, source)
    own.embed(photos, source, class_names=NAMES)
    (photos / "rocket.jpg").write_bytes((Pool.open(work.path).folder / "flower.jpg").read_bytes())

    done = own.embed(photos, source)

    assert done.counts.replaced == 1
    assert seen_as(own) == {"chelsea.jpg": "cat", "coffee.jpg": "cup of coffee", "rocket.jpg": "daisy"}
    own.embed(photos, source, class_names=["cat", "daisy"])
    assert seen_as(own)["rocket.jpg"] == "daisy"


def test_damaged_vectors_of_words_are_told_and_made_anew(work, source, folder):
    (file,) = Paths(work.path).pool.glob("words-*.npy")
    file.write_bytes(file.read_bytes()[:-1] + b"\0")

    with pytest.raises(EvenpickError, match="is missing or damaged; run `evenpick embed` with --class-names again"):
        work.embed(folder, source)
    work.embed(folder, source, class_names=NAMES)
    assert read_words(work.path).words.names == tuple(NAMES)


def test_a_text_encoder_of_another_width_is_refused(source, folder, tmp_path):
    onnx.save(text_encoder(np.eye(3)), tmp_path / "text.onnx")
    tokenizer_of(["cat", "daisy"]).save(str(tmp_path / "tokenizer.json"))

    with pytest.raises(
        EvenpickError, match=r"vectors of 3 numbers and source '.*' features of 1280: they are not of one"
    ):
        Workspace(tmp_path / "work").embed(
            folder, source, class_names=["cat", "daisy"], text_encoder=f"onnx:{tmp_path / 'text.onnx'}"
        )
    assert not (tmp_path / "work").exists()


def test_words_without_a_text_encoder_are_refused(folder, tmp_path, source_cache):
    with pytest.raises(EvenpickError, match="class names need the text encoder of the same pair as the source"):
        Workspace(tmp_path / "work").embed(folder, class_names=NAMES)


def test_a_source_with_words_goes_to_another_process_with_them(word_pair, source):
    words = word_classes(NAMES, ["{}"], TextEncoder.load(f"onnx:{word_pair / 'text_model.onnx'}"))
    model = SourceModel.load(source).with_words(words)
    again = pickle.loads(pickle.dumps(model))
    image = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32)

    assert again.describe() == model.describe()
    np.testing.assert_array_equal(again.network(image)[1], model.network(image)[1])


def test_embed_takes_a_source_with_words(word_pair, source, folder, tmp_path):
    words = word_classes(NAMES, ["{}"], TextEncoder.load(f"onnx:{word_pair / 'text_model.onnx'}"))

    assert embed(
        tmp_path / "work", folder, SourceModel.load(source).with_words(words)
    ).pool.source.words.names == tuple(NAMES)


def test_words_of_several_views_are_those_of_the_first_time(of_views, source, folder):
    assert seen_as(of_views)["chelsea.jpg"] == "cat"
    assert of_views.embed(folder, source, views=2).done_now == 0
    with pytest.raises(EvenpickError, match="holds several views of each image, whose predictions need the images"):
        of_views.embed(folder, source, class_names=["cat", "daisy"], views=2)
    assert seen_as(of_views)["chelsea.jpg"] == "cat"


def test_words_of_several_views_outlive_lost_vectors_and_a_moved_text_encoder(
    of_views, source, word_pair, folder, tmp_path
):
    shutil.copytree(of_views.path, tmp_path / "work")
    shutil.copytree(word_pair, tmp_path / "moved")
    work, moved = Workspace(tmp_path / "work"), f"onnx:{tmp_path / 'moved' / 'text_model.onnx'}"
    predictions = {file: file.read_bytes() for file in Paths(work.path).pool.glob("predictions*")}

    work.embed(folder, source, class_names=NAMES, text_encoder=moved, views=2)
    assert Pool.open(work.path).source.words.encoder == moved
    (vectors,) = Paths(work.path).pool.glob("words-*.npy")
    vectors.unlink()
    work.embed(folder, source, class_names=NAMES, views=2)

    assert read_words(work.path).words.names == tuple(NAMES)
    assert {file: file.read_bytes() for file in Paths(work.path).pool.glob("predictions*")} == predictions
