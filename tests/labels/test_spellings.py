"""Class names that differ in little."""

from evenpick.labels.spellings import classes_in_words, near_names, one_spelling


def test_names_that_differ_in_case_blanks_and_punctuation_are_near():
    names = ["Cat", "cat", "red fox", "Red-Fox", "red_fox", "dog", "ca\u200dt"]

    assert near_names(names) == [["Cat", "cat", "ca\u200dt"], ["red fox", "Red-Fox", "red_fox"]]


def test_accents_and_vowel_signs_tell_names_apart():
    assert near_names(["Bar", "Bär", "หมี", "หมู", "🦊", "🦌", "1-2", "12"]) == [["1-2", "12"]]


def test_one_spelling_is_the_one_that_is_recorded_most_or_else_most_frequent():
    labels = {"a": "CAT", "b": "cat", "c": "cat", "d": "Dog", "e": "dog", "f": "dog", "g": "elk"}

    found = one_spelling(labels, {"x": "Cat", "y": "Cat", "z": "cat"})

    assert found == {"a": "Cat", "b": "Cat", "c": "Cat", "d": "dog", "e": "dog", "f": "dog", "g": "elk"}


def test_classes_are_listed_with_counts_and_near_ones_named():
    assert classes_in_words(["cat", "dog", "cat"], ["Cat", "Elk", "elk"]) == [
        "Classes: 'cat' 2, 'dog' 1.",
        "Nearly the same: 'cat', 'Cat'. If each is one class: --undo, then import again with --one-spelling.",
    ]
    assert classes_in_words([]) == []
    assert classes_in_words([str(i) for i in range(31)])[0].endswith(", '29' 1 and 1 more.")
