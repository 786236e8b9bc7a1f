"""Pools of several views of each image, through a tiny real network."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evenpick.acquisition import select
from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.pool import Pool, embed
from evenpick.probabilities import softmax
from evenpick.sources import SourceModel


@pytest.fixture
def source(make_network, tmp_path):
    return SourceModel.load(f"onnx:{make_network(tmp_path / 'tiny.onnx')}", Preprocessing(size=8, views=4))


@pytest.fixture
def pool(source, photo_folder, tmp_path):
    return embed(tmp_path / "work", photo_folder, source).pool


def test_features_and_probabilities_are_the_mean_of_the_views(source, pool, photo_folder):
    for row, image_id in enumerate(pool.image_ids):
        with Image.open(photo_folder / image_id) as image:
            cuts = source.preprocessing.cuts(image)
        features, logits = zip(*(source.network(source.preprocessing.batch([cut])) for cut in cuts), strict=True)
        each = softmax(np.concatenate(logits))
        mean = each.mean(axis=0)
        assert len(each) == 4
        assert pool.features[row] == pytest.approx(np.concatenate(features).mean(axis=0), abs=1e-5)
        assert pool.confidence[row] == pytest.approx(mean.max(), abs=1e-5)
        entropies = -(each * np.log(each)).sum(axis=1)
        told = -(mean * np.log(mean)).sum() - entropies.mean()
        assert pool.mutual_information[row] == pytest.approx(told, abs=1e-5)
        votes = each.argmax(axis=1).tolist()
        assert pool.variation_ratio[row] == pytest.approx(1 - max(map(votes.count, votes)) / 4)


def test_one_view_is_what_it_was_before_there_were_views(source, photo_folder, tmp_path):
    one = replace(source, preprocessing=replace(source.preprocessing, views=1))
    pool = embed(tmp_path / "one", photo_folder, one).pool

    with Image.open(photo_folder / pool.image_ids[3]) as image:
        features, _ = one([image])
    assert pool.features[3].tobytes() == features[0].tobytes()
    assert pool.predictions.dtype.names == ("entropy", "margin", "confidence", "source_class")
    assert "views" not in (tmp_path / "one" / "pool" / "pool.json").read_text()


def test_the_pool_states_its_views_and_what_loads_its_source_follows(pool, source, tmp_path):
    opened = Pool.open(tmp_path / "work")
    described = opened.source

    stated = json.loads((tmp_path / "work" / "pool" / "pool.json").read_text())
    assert stated["source"]["preprocessing"]["views"] == described.preprocessing.views == 4
    assert SourceModel.load(described.name, described.preprocessing).describe() == source.describe()
    assert opened.mutual_information.tolist() == pool.mutual_information.tolist()
    assert opened.take([5, 2]).variation_ratio.tolist() == pool.variation_ratio[[5, 2]].tolist()


def test_another_number_of_views_is_another_pool(pool, source, photo_folder, tmp_path):
    other = replace(source, preprocessing=replace(source.preprocessing, views=2))

    with pytest.raises(EvenpickError, match=r"embedded otherwise \(views 4, now 2\)"):
        embed(tmp_path / "work", photo_folder, other)


def test_images_that_come_later_and_those_that_were_replaced_have_views_too(pool, source, photo_folder, tmp_path):
    Image.new("RGB", (30, 20), "red").save(photo_folder / "late.png")
    Image.effect_noise((40, 40), 80).convert("RGB").save(photo_folder / pool.image_ids[0])
    again = embed(tmp_path / "work", photo_folder, source).pool
    anew = embed(tmp_path / "anew", photo_folder, source).pool

    assert len(again) == 13
    for row, image_id in enumerate(again.image_ids):
        assert again.predictions[row] == anew.predictions[anew.row_of[image_id]]
    assert again.predictions[0] != pool.predictions[0]


def test_predictions_of_one_view_in_the_place_of_several_are_told(pool, tmp_path):
    file = next((tmp_path / "work" / "pool").glob("predictions*.npy"))
    names = ["entropy", "margin", "confidence", "source_class"]
    np.save(file, np.load(file)[names].astype([(name, pool.predictions.dtype[name]) for name in names]))

    with pytest.raises(EvenpickError, match=r"predictions.*is missing or cut short"):
        Pool.open(tmp_path / "work")


@pytest.mark.parametrize("name", ["bald", "variation_ratio"])
def test_what_asks_for_views_says_how_to_get_them(name, pool, source, photo_folder, tmp_path):
    one = replace(source, preprocessing=replace(source.preprocessing, views=1))

    assert len({*select(pool, 12, name).tolist()}) == 12
    with pytest.raises(EvenpickError, match=r"no source predictions of several views.*--views 4") as raised:
        select(embed(tmp_path / "one", photo_folder, one).pool, 3, name)
    assert "\n" not in str(raised.value)


def test_what_differs_most_comes_first(pool):
    by_information, by_votes = select(pool, 12, "bald"), select(pool, 12, "variation_ratio")

    assert np.all(np.diff(pool.mutual_information[by_information]) <= 0)
    pairs = [(pool.variation_ratio[row], pool.mutual_information[row]) for row in by_votes]
    assert pairs == sorted(pairs, reverse=True)
