"""Images found by words: in which order, by which text encoder, and what is refused."""

import json
import re
import sys
import threading
from dataclasses import replace

import numpy as np
import onnx
import pytest
from word_pair import text_encoder, tokenizer_of

from evenpick.errors import EvenpickError
from evenpick.pool import Pool
from evenpick.session import WordSearch
from evenpick.sources import PROMPT, TextEncoder, word_classes


@pytest.fixture
def pool(lynx_to_snow):
    return Pool.open(lynx_to_snow(10))


def encoder_of(pool):
    return pool.source.name.replace("vision_model", "text_model")


def spoiled(pool, vectors):
    onnx.save(text_encoder(vectors), encoder_of(pool).removeprefix("onnx:"))


def with_words(pool, names=(), prompts=("{}",)):
    words = word_classes(names, prompts, TextEncoder.load(encoder_of(pool))).words
    object.__setattr__(pool.source, "words", words)
    return pool


@pytest.mark.parametrize(("words", "first"), [("lynx", 0), ("Snow", 9), ("lynx in the snow", 5)])
def test_the_nearest_come_first_by_the_text_encoder_beside_the_source(pool, words, first):
    angles = np.linspace(0, 90, 10)
    aim = {0: 0, 9: 90, 5: 45}[first]

    found = WordSearch(pool).nearest(words, np.arange(10))

    assert np.abs(angles[found] - aim).round(6).tolist() == sorted(np.abs(angles - aim).round(6))
    assert first in found[:2]


def test_the_length_of_features_makes_no_difference(pool):
    features = np.asarray(pool.features)
    for scale in (1e-18, 1e-3, 1e12):
        scaled = Pool.from_arrays(features * np.where(np.arange(10) % 2, scale, 1)[:, None])
        object.__setattr__(scaled, "source", pool.source)
        assert WordSearch(scaled).nearest("snow", np.arange(10)).tolist() == [*range(9, -1, -1)]
    features[8] = 0  # as near as what is at a right angle
    zero = Pool.from_arrays(features)
    object.__setattr__(zero, "source", pool.source)
    assert WordSearch(zero).nearest("snow", np.arange(10)).tolist() == [9, 7, 6, 5, 4, 3, 2, 1, 0, 8]


@pytest.mark.slow
def test_of_twenty_thousand_images_the_same_come_first_as_by_their_own_cosines(pool):
    rng = np.random.default_rng(0)
    wide = Pool.from_arrays(rng.normal(size=(20_000, 1280)).astype(np.float32))
    object.__setattr__(wide, "source", replace(pool.source, feature_size=1280))
    spoiled(pool, np.eye(3, 1280, k=-1))
    search, candidates = WordSearch(with_words(wide)), np.flatnonzero(rng.random(20_000) < 0.8)

    unit = wide.features[candidates] / np.linalg.norm(wide.features[candidates], axis=1, keepdims=True)
    for column, words in enumerate(("lynx", "snow")):
        found = search.nearest(words, candidates)
        assert found[:50].tolist() == candidates[np.argsort(-unit[:, column], kind="stable")][:50].tolist()


def test_only_candidates_come(pool):
    assert WordSearch(pool).nearest("snow", np.array([2, 7, 4])).tolist() == [7, 4, 2]
    assert WordSearch(pool).nearest("snow", np.array([], np.intp)).tolist() == []


def test_what_is_looked_for_stands_in_the_prompts_of_the_pool(pool):
    search = WordSearch(with_words(pool, prompts=["{}", "{} snow snow snow"]))

    assert search.nearest("lynx", np.arange(10))[0] == 4  # half way between 0 and arctan 3 = 71.6 degrees


def test_in_the_usual_prompt_nothing_is_looked_for(pool, tmp_path):
    tokenizer_of(["lynx", "photo"]).save(str(tmp_path / "pair" / "tokenizer.json"))
    assert WordSearch(with_words(pool, prompts=[PROMPT])).nearest("lynx", np.arange(10))[0] == 0
    assert WordSearch(with_words(pool, prompts=[PROMPT, PROMPT])).nearest("lynx", np.arange(10))[0] in (4, 5)


def test_it_is_loaded_by_the_first_search_and_once_whoever_asks(pool, monkeypatch):
    loaded, load = [], TextEncoder.load

    def counted(name):
        loaded.append(name)
        return load(name)

    monkeypatch.setattr(TextEncoder, "load", counted)
    search, found = WordSearch(pool), []
    assert search.is_possible
    assert loaded == []
    people = [threading.Thread(target=lambda: found.append(search.nearest("snow", np.arange(10))[0])) for _ in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert found == [9] * 8
    assert loaded == [encoder_of(pool)]


def test_without_a_text_encoder_it_is_not_offered_and_says_what_is_missing(make_pool, make_workspace):
    for pool in (make_pool(), Pool.open(make_workspace())):
        search = WordSearch(pool)
        assert (search.is_possible, search.obstacle) == (False, None)
        with pytest.raises(EvenpickError, match="the source is one of a pair: embed with --text-encoder onnx:FILE, or"):
            search.nearest("lynx", np.arange(3))


def no_tokenizer(folder, monkeypatch):
    (folder / "tokenizer.json").unlink()


def no_network(folder, monkeypatch):
    (folder / "text_model.onnx").unlink()


def no_package(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (
            no_tokenizer,
            r"text encoder 'onnx:{pair}/text_model.onnx' needs its tokenizer.json beside it, or in the folder above",
        ),
        (
            no_network,
            r"text encoder file '{pair}/text_model.onnx' does not exist: put it there, or run `evenpick embed` with",
        ),
        (no_package, r"text encoder 'onnx:{pair}/text_model.onnx' needs an extra that is not installed: .*\[words\]"),
    ],
)
def test_what_is_missing_of_an_encoder_that_is_known_is_told_and_it_is_not_offered(
    pool, tmp_path, missing, reason, monkeypatch
):
    missing(tmp_path / "pair", monkeypatch)
    search = WordSearch(pool)

    assert not search.is_possible
    assert re.match(reason.format(pair=tmp_path / "pair"), search.obstacle)
    assert "\n" not in search.obstacle
    with pytest.raises(EvenpickError) as error:
        search.nearest("lynx", np.arange(3))
    assert str(error.value) == search.obstacle


def test_one_beside_the_source_that_the_pool_does_not_keep_may_be_another_one_and_is_not_used(pool):
    object.__setattr__(pool.source, "words", None)
    search = WordSearch(pool)

    assert not search.is_possible
    assert "lies beside the source, and the pool does not keep it yet: run `evenpick embed` again" in search.obstacle
    with pytest.raises(EvenpickError, match="the pool does not keep it yet"):
        search.nearest("lynx", np.arange(3))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("zebra", "^'zebra' is unknown to text encoder '.*': say it in other words$"),
        ("lynx " * 17, "has 17 tokens, and text encoder .* takes 16 at most: shorten it"),
        ("", "what is looked for must be a text that is not empty"),
        ("a\nb", "what is looked for must be on one line"),
    ],
)
def test_what_nothing_can_be_found_by_is_told_in_one_line(pool, words, reason):
    with pytest.raises(EvenpickError, match=reason) as error:
        WordSearch(pool).nearest(words, np.arange(10))
    assert "\n" not in str(error.value)


def test_another_encoder_than_the_one_that_the_pool_names_is_refused(pool):
    search = WordSearch(with_words(pool))
    assert search.nearest("snow", np.arange(10))[0] == 9
    spoiled(pool, 2 * np.eye(3, 6, k=-1))
    with pytest.raises(
        EvenpickError, match="is another one than when the images were embedded: put that back, or run `evenpick embed`"
    ):
        WordSearch(pool).nearest("snow", np.arange(10))

    assert search.nearest("snow", np.arange(10))[0] == 9  # of before it is still there


def test_an_encoder_of_another_width_is_refused(pool):
    spoiled(pool, np.eye(3))
    with pytest.raises(
        EvenpickError, match=r"vectors of 3 numbers and source '.*' features of 6: they are not of one pair"
    ):
        WordSearch(pool).nearest("snow", np.arange(10))


def test_words_of_a_siglip_are_found_though_its_scale_is_not_known(pool, tmp_path):
    (tmp_path / "pair" / "config.json").write_text(json.dumps({"model_type": "siglip", "text_config": {}}))

    assert WordSearch(with_words(pool)).nearest("snow", np.arange(10))[0] == 9
