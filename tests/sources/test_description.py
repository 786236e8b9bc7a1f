"""What pool.json and model.json state of a source: the same bytes as ever, read back as the same description."""

import json
from dataclasses import replace

import pytest

from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.sources import SourceDescription

DESCRIPTION = SourceDescription(
    "onnx:tiny.onnx", Preprocessing(8, 0.5, "bicubic", (0.5, 0.5, 0.5), (1.0, 1.0, 1.0)), 4, 5, "not stated", "0a1b"
)
AS_JSON = (
    '{"name": "onnx:tiny.onnx", "preprocessing": {"size": 8, "crop": 0.5, "interpolation": "bicubic", '
    '"mean": [0.5, 0.5, 0.5], "std": [1.0, 1.0, 1.0], "channels": "rgb", "reduced_jpeg": false}, '
    '"feature_size": 4, "class_count": 5, "licence": "not stated", "fingerprint": "0a1b"}'
)


def test_a_description_is_written_as_these_bytes_and_read_back():
    assert json.dumps(DESCRIPTION.to_json()) == AS_JSON
    assert SourceDescription.from_json(json.loads(AS_JSON)) == DESCRIPTION


def test_a_later_setting_is_written_where_it_says_something():
    padded = replace(DESCRIPTION, preprocessing=replace(DESCRIPTION.preprocessing, fit="pad"))
    facts = json.loads(json.dumps(padded.to_json()))

    assert facts["preprocessing"]["fit"] == "pad"
    assert SourceDescription.from_json(facts) == padded
    assert padded.seen_with != DESCRIPTION.seen_with


def test_a_description_of_before_there_were_reduced_jpeg_files_is_read():
    facts = json.loads(AS_JSON)
    del facts["preprocessing"]["reduced_jpeg"]

    assert SourceDescription.from_json(facts) == DESCRIPTION


@pytest.mark.parametrize("missing", ["name", "preprocessing", "feature_size", "class_count", "licence", "fingerprint"])
def test_a_description_must_be_whole(missing):
    facts = json.loads(AS_JSON)
    del facts[missing]

    with pytest.raises((KeyError, TypeError), match=missing):
        SourceDescription.from_json(facts)


def test_a_setting_that_this_version_does_not_know_is_refused():
    facts = json.loads(AS_JSON)
    facts["preprocessing"]["sharpened"] = True

    with pytest.raises(EvenpickError, match="preprocessing setting 'sharpened' does not exist"):
        SourceDescription.from_json(facts)


def test_weights_and_preprocessing_decide_the_features_and_nothing_else_does():
    elsewhere = replace(DESCRIPTION, name="onnx:moved/tiny.onnx", licence="MIT")

    assert elsewhere.seen_with == DESCRIPTION.seen_with
    assert replace(DESCRIPTION, fingerprint="2").seen_with != DESCRIPTION.seen_with
    assert replace(DESCRIPTION, preprocessing=Preprocessing(8)).seen_with != DESCRIPTION.seen_with


def test_preprocessing_given_as_lists_is_that_given_as_tuples():
    assert Preprocessing(mean=[0.5, 0.5, 0.5], std=[1, 1, 1]) == Preprocessing(mean=(0.5, 0.5, 0.5), std=(1, 1, 1))


def test_preprocessing_prints_what_is_not_the_default_as_python_reads_it():
    preprocessing = Preprocessing(size=8, mean=(0.5, 0.5, 0.5))

    assert repr(Preprocessing()) == "Preprocessing()"
    assert eval(repr(preprocessing)) == preprocessing


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (replace(DESCRIPTION, fingerprint="2", name="other"), f"source {DESCRIPTION.name}, now other"),
        (
            replace(DESCRIPTION, fingerprint="2"),
            f"source {DESCRIPTION.name}, now {DESCRIPTION.name} with other weights",
        ),
        (
            replace(DESCRIPTION, preprocessing=replace(DESCRIPTION.preprocessing, fit="pad", depth=(0, 4095))),
            "fit as by default, now pad; depth as by default, now 0,4095",
        ),
    ],
)
def test_what_is_seen_otherwise_is_said_in_words(now, said):
    assert DESCRIPTION.difference(now) == said
