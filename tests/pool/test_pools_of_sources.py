"""Pools of several sources side by side, through tiny real networks."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evenpick.acquisition import ACQUISITIONS, select
from evenpick.acquisition.table import BY_PREDICTIONS, BY_VIEWS
from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing, decoding
from evenpick.pool import Pool, embed
from evenpick.sources import SourceModel
from evenpick.vectors import normalised

OWN = (Preprocessing(8), Preprocessing(12, 1.0, "bicubic", (0.1, 0.2, 0.3), (0.5, 0.5, 0.5), fit="squash"))


@pytest.fixture
def write(make_network, tmp_path):
    def build(number, classes="flowers", logarithm=False, **outputs):
        own = OWN[number]
        file = make_network(tmp_path / f"{number}.onnx", seed=number, size=own.size, logarithm=logarithm)
        file.with_suffix(".json").write_text(json.dumps(own.to_dict() | {"classes": classes} | outputs))
        return f"onnx:{file}"

    return build


@pytest.fixture
def names(write):
    return [write(0), write(1)]


@pytest.fixture
def pool(names, photo_folder, tmp_path):
    return embed(tmp_path / "work", photo_folder, names).pool


@pytest.fixture
def apart(names, photo_folder, tmp_path):
    return [embed(tmp_path / f"alone {i}", photo_folder, name).pool for i, name in enumerate(names)]


def test_features_are_those_of_the_single_pools_side_by_side(pool, apart):
    assert pool.image_ids == apart[0].image_ids
    expected = np.hstack([normalised(one.features[:]) for one in apart])
    np.testing.assert_array_equal(pool.features[:], expected)
    np.testing.assert_allclose(np.linalg.norm(pool.features[:], axis=1), 2**0.5, atol=1e-6)


@pytest.mark.parametrize("views", [1, 2])
def test_predictions_are_the_mean_and_how_much_the_sources_differ_is_kept(views, names, photo_folder, tmp_path):
    source = SourceModel.side_by_side(names)
    source = replace(source, preprocessing=replace(source.preprocessing, views=views))
    pool = embed(tmp_path / "views", photo_folder, source).pool
    for row, image_id in enumerate(pool.image_ids):
        with Image.open(photo_folder / image_id) as image:
            logits = [
                one.network(one_of.batch([cut]))[1][0].astype(float)
                for one, one_of in zip(source.members, source.preprocessing.each, strict=True)
                for cut in one_of.cuts(image)
            ]
        each = np.array([np.exp(values) / np.exp(values).sum() for values in logits])
        mean = each.mean(axis=0)
        assert len(each) == 2 * views
        assert pool.source_class[row] == mean.argmax()
        assert pool.confidence[row] == pytest.approx(mean.max(), abs=1e-5)
        told = -(mean * np.log(mean)).sum() + (each * np.log(each)).sum(axis=1).mean()
        assert pool.mutual_information[row] == pytest.approx(told, abs=1e-5)
        votes = each.argmax(axis=1).tolist()
        assert pool.variation_ratio[row] == pytest.approx(1 - max(map(votes.count, votes)) / len(votes))


def test_where_classes_are_not_known_to_be_the_same_predictions_are_those_of_the_first(
    write, apart, photo_folder, tmp_path
):
    pool = embed(tmp_path / "differ", photo_folder, [write(0), write(1, "birds")]).pool

    assert pool.predictions.dtype == apart[0].predictions.dtype
    np.testing.assert_array_equal(pool.predictions, apart[0].predictions)
    with pytest.raises(EvenpickError, match=r"several views or sources.* or with two sources of the same classes"):
        select(pool, 3, "bald")


def test_a_file_is_decoded_once_for_all_sources(names, photo_folder, tmp_path, monkeypatch):
    decoded, before = [], decoding._decoded
    monkeypatch.setattr(decoding, "_decoded", lambda *given: decoded.append(1) or before(*given))

    embed(tmp_path / "work", photo_folder, names)

    assert len(decoded) == 12


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_every_function_chooses(name, pool):
    assert len({*select(pool, 12, name).tolist()}) == 12


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_two_encoders_without_classes_choose_by_features_alone(name, write, photo_folder, tmp_path):
    pool = embed(tmp_path / "work", photo_folder, [write(0, logits=""), write(1, logits="")]).pool

    assert (pool.predictions, pool.source.class_count) == (None, 0)
    if name in BY_PREDICTIONS or name in BY_VIEWS:
        why = "several views or sources" if name in BY_VIEWS else r"'onnx:.*\+onnx:.*' is an encoder without classes"
        with pytest.raises(EvenpickError, match=why):
            select(pool, 12, name)
    else:
        assert len({*select(pool, 12, name).tolist()}) == 12


def test_predictions_are_those_of_the_one_source_that_has_classes(write, apart, photo_folder, tmp_path):
    pool = embed(tmp_path / "work", photo_folder, [write(0, logits=""), write(1)]).pool

    np.testing.assert_array_equal(pool.predictions, apart[1].predictions)
    assert pool.predictions.dtype == apart[1].predictions.dtype


def test_the_pool_states_its_sources_and_goes_on_with_them(pool, names, photo_folder, tmp_path):
    opened = Pool.open(tmp_path / "work")
    again = embed(tmp_path / "work", photo_folder, "+".join(names))
    loaded = SourceModel.load(opened.source.name, opened.source.preprocessing)

    assert (opened.source.name, opened.source.feature_size) == ("+".join(names), 8)
    assert loaded.describe() == opened.source
    assert (len(again.pool), again.done_now) == (12, 0)
    assert opened.mutual_information.tolist() == pool.mutual_information.tolist()


@pytest.mark.parametrize("wrong", ["order", "alone", "classes", "weights"])
def test_other_sources_are_another_pool(wrong, pool, names, write, make_network, photo_folder, tmp_path):
    if wrong == "classes":
        write(1, "birds")
    if wrong == "weights":
        make_network(tmp_path / "1.onnx", seed=9, size=12)
    others = {"order": names[::-1], "alone": names[:1]}.get(wrong, names)
    said = {
        "order": rf"\(source {names[0]}\+{names[1]}, now {names[1]}\+{names[0]}\)",
        "alone": rf"\(source .*, now {names[0]}\): say --source {names[0]} --source {names[1]} to go on",
        "classes": r"\(Source predictions are the mean of .*, now they are otherwise: .* those of '.*0.onnx'; 1 has no classes, "
        r".*'.*1.onnx' was flowers, is birds now\): state that list of classes again to go on",
        "weights": "with other weights",
    }[wrong]

    with pytest.raises(EvenpickError, match=said) as raised:
        embed(tmp_path / "work", photo_folder, others)
    assert "\n" not in str(raised.value)


def test_images_that_come_later_and_those_that_were_replaced_are_seen_by_all(pool, names, photo_folder, tmp_path):
    Image.new("RGB", (30, 20), "red").save(photo_folder / "late.png")
    Image.effect_noise((40, 40), 80).convert("RGB").save(photo_folder / pool.image_ids[0])
    again = embed(tmp_path / "work", photo_folder, names).pool
    anew = embed(tmp_path / "anew", photo_folder, names).pool

    assert len(again) == 13
    for row, image_id in enumerate(again.image_ids):
        assert again.predictions[row] == anew.predictions[anew.row_of[image_id]]
        assert again.features[row] == pytest.approx(anew.features[anew.row_of[image_id]], abs=1e-6)
    assert again.predictions[0] != pool.predictions[0]


def test_an_image_of_which_one_source_makes_no_number_is_left_out(write, photo_folder, tmp_path):
    """The second network takes the logarithm of the mean pixel, which is negative for a dark image."""
    Image.new("RGB", (30, 30)).save(photo_folder / "dark.png")
    names = [write(0), write(1, logarithm=True)]
    done = embed(tmp_path / "dark", photo_folder, names)

    assert [image.image_id for image in done.skipped] == ["dark.png"]
    assert "not finite" in done.skipped[0].reason
    assert len(done.pool) == 12


def test_predictions_of_one_source_in_the_place_of_two_are_told(pool, tmp_path):
    file = next((tmp_path / "work" / "pool").glob("predictions*.npy"))
    kept = ["entropy", "margin", "confidence", "source_class"]
    np.save(file, np.load(file)[kept].astype([(name, pool.predictions.dtype[name]) for name in kept]))

    with pytest.raises(EvenpickError, match=r"predictions.*is missing or cut short"):
        Pool.open(tmp_path / "work")
