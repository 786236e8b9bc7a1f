"""Words as source classes: their probabilities by hand, and lists that are refused."""

import json

import numpy as np
import pytest

from evenpick.errors import EvenpickError
from evenpick.images import Preprocessing
from evenpick.sources import (
    PROMPT,
    SourceDescription,
    WordClasses,
    Words,
    read_class_names,
    vector_of_words,
    word_classes,
)
from evenpick.vectors import normalised


class Letters:
    """A text encoder that counts the letters a, b and c of a text."""

    name, width, fingerprint, scale, bias = "letters", 3, "abc", 100.0, None

    def __call__(self, texts):
        counts = np.array([[text.count(letter) for letter in "abc"] for text in texts], np.float32)
        return normalised(counts)


def classes(*vectors, scale=2.0, bias=None):
    words = Words(tuple(map(str, range(len(vectors)))), ("{}",), "letters", "abc", scale, bias)
    return WordClasses(words, np.array(vectors, np.float32))


def test_probabilities_are_the_softmax_of_scaled_cosines_whatever_the_length_of_the_features():
    found = classes([1, 0], [0, 1]).predictions(np.array([[30, 0], [0.6, 0.8]], np.float32))

    first = 1 / (1 + np.exp(-2.0))  # cosines 1 and 0, scale 2
    second = 1 / (1 + np.exp(-2 * (0.8 - 0.6)))
    assert found["confidence"] == pytest.approx([first, second], rel=1e-5)
    assert found["source_class"].tolist() == [0, 1]


def test_with_a_bias_they_are_sigmoids_brought_to_the_sum_one():
    found = classes([1, 0], [0, 1], scale=2.0, bias=-1.0).predictions(np.array([[1, 0]], np.float32))

    one, other = 1 / (1 + np.exp(-1.0)), 1 / (1 + np.exp(1.0))  # 2 * 1 - 1 and 2 * 0 - 1
    assert found["confidence"][0] == pytest.approx(one / (one + other), rel=1e-5)


def test_each_name_stands_in_all_prompts_and_their_mean_direction_counts():
    found = word_classes(["a", "b"], ["{}", "{}c"], Letters())

    both = np.array([[1, 0, 0], [1 / np.sqrt(2), 0, 1 / np.sqrt(2)]]).mean(axis=0)
    assert found.vectors[0] == pytest.approx(both / np.linalg.norm(both))
    assert vector_of_words("a", found.words.prompts, Letters()) == pytest.approx(found.vectors[0])


def test_without_names_there_is_the_encoder_to_find_images_by():
    found = word_classes([], ["{}"], Letters())
    described = SourceDescription("made", Preprocessing(), 3, 0, "none", "hash", found.words)

    assert (found.words.names, found.vectors.shape) == ((), (0, 3))
    assert SourceDescription.from_json(json.loads(json.dumps(described.to_json()))) == described
    assert not described.has_predictions
    assert "no source classes" in repr(described)
    assert repr(found.words) == "any words by text encoder letters"


def test_a_prompt_that_is_too_long_is_told_without_any_name_too():
    class Short(Letters):
        def __call__(self, texts):
            if any(len(text) > 20 for text in texts):
                raise EvenpickError("it is too long")
            return super().__call__(texts)

    assert word_classes([], ["a {}", 19 * "x" + "{}"], Short()).words.prompts[0] == "a {}"
    with pytest.raises(EvenpickError, match="it is too long"):
        word_classes([], ["a {}", 20 * "x" + "{}"], Short())
    assert word_classes([], [PROMPT], Short())  # in which nothing is looked for


def test_what_is_looked_for_stands_in_prompts_of_the_persons_own_alone():
    for prompts, of_search in (([PROMPT], ("{}",)), (["a {}"], ("a {}",)), ([PROMPT, "{}"], (PROMPT, "{}"))):
        assert word_classes([], prompts, Letters()).words.of_search == of_search


def test_the_whole_path_of_the_text_encoder_is_kept(tmp_path, monkeypatch):
    class Relative(Letters):
        name = "onnx:clip/text_model.onnx"

    monkeypatch.chdir(tmp_path)

    for names in ([], ["a", "b"]):
        assert word_classes(names, ["{}"], Relative()).words.encoder == f"onnx:{tmp_path}/clip/text_model.onnx"


def test_words_that_the_encoder_does_not_know_are_told():
    with pytest.raises(EvenpickError, match=r"^'ddd' is unknown to text encoder 'letters': say it in other words$"):
        vector_of_words("ddd", ["{}", "{}!"], Letters())


def test_names_by_a_siglip_that_does_not_state_its_scale_and_bias_are_refused_with_what_to_state():
    class Siglip(Letters):
        name, scale = "onnx:siglip/onnx/text_model.onnx", None

    with pytest.raises(EvenpickError, match=r"is of a SigLIP, .*: state them in '.*onnx/text_model.json' as") as error:
        word_classes(["a", "b"], ["{}"], Siglip())
    assert "\n" not in str(error.value)
    assert word_classes([], ["{}"], Siglip()).vectors.shape == (0, 3)  # nearness needs neither


def test_a_description_states_the_words_and_comes_back():
    words = word_classes(["a", "b"], ["{} c"], Letters()).words
    described = SourceDescription("made", Preprocessing(), 3, 0, "none", "hash", words)

    again = SourceDescription.from_json(json.loads(json.dumps(described.to_json())))

    assert again == described
    assert (again.has_predictions, again.without_words.has_predictions) == (True, False)
    assert "2 words by text encoder letters" in repr(again)
    assert "words" not in again.without_words.to_json()  # as it was before there were words
    assert again.seen_with == again.without_words.seen_with


def test_names_come_a_line_each_or_from_the_column_of_a_table(tmp_path):
    lines, table = tmp_path / "names.txt", tmp_path / "names.csv"
    lines.write_text("\ufeffcup of coffee\n\n  daisy  \n", "utf-8")
    table.write_text('key,name\n1,"cat, tabby"\n2,daisy\n')

    assert read_class_names(lines) == ["cup of coffee", "daisy"]
    assert read_class_names(table) == ["cat, tabby", "daisy"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "'.*names.txt' names no class: write one name a line"),
        (b"\n \n", "'.*names.txt' names no class"),
        (b"name\n", "'.*names.txt' names no class"),
        (b"cat\ndog\nCat\n", r"line 3: class name 'Cat' is there twice \(as 'cat'\)"),
        (b"cat\n\x07\n", "line 2: a class name must have at most 200 characters, none of them a control character"),
        (
            b'name,key\ndog,1\n"roe\ndeer",2\n',
            "line 3: a class name must be on one line, and there is a line break in it",
        ),
        (b"cat\xff\n", "cannot be read: save it as UTF-8"),
        (
            b'name,note\nruler,"12 inch\npen,blue\ncup,red\n',
            "cannot be read: .* in the row that begins in line 2; close",
        ),
        pytest.param(b"x" * 200_000, "cannot be read: field larger than field limit", id="one long line"),
        pytest.param(b"name\n" + b"x" * 200_000, "cannot be read: field larger than", id="a long field"),
    ],
)
def test_lists_that_are_none_are_refused_in_one_line(content, message, tmp_path):
    (tmp_path / "names.txt").write_bytes(content)

    with pytest.raises(EvenpickError, match=message) as error:
        read_class_names(tmp_path / "names.txt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("names", "prompts", "message"),
    [
        (["a"], ["{}"], "the only class name is 'a': give two or more"),
        (["a", "b", "A"], ["{}"], r"class name 3: class name 'A' is there twice \(as 'a'\)"),
        (["a", "b"], ["a photo"], "prompt 'a photo' must hold {} once"),
        (["a", "b"], ["{} and {}"], "must hold {} once"),
        (["a", 3], ["{}"], "class name 2: a class name must be a text"),
    ],
)
def test_names_and_prompts_that_make_no_classes_are_refused(names, prompts, message):
    with pytest.raises(EvenpickError, match=message):
        word_classes(names, prompts, Letters())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "d"], "class name 'd' is unknown to text encoder 'letters': say it in other words"),
        (["a", "b", "da"], "class names 'a' and 'da' are the same to text encoder 'letters'"),
    ],
)
def test_names_that_the_encoder_cannot_tell_apart_are_refused(names, message):
    with pytest.raises(EvenpickError, match=message):
        word_classes(names, ["{}"], Letters())
