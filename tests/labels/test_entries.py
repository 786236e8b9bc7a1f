"""Which of the answers in a record stand, and which count."""

import random
import time
from dataclasses import replace

from evenpick.labels import Annotation, Rename, Undo, effective_answers, standing_answers
from evenpick.labels.entries import first_labels


def record(*entries):
    """Entries as a record gives them, numbered from 1."""
    return [replace(entry, id=i) for i, entry in enumerate(entries, start=1)]


def label(image, name, annotator="ann", **more):
    return Annotation(image, name, "discovery", annotator=annotator, **more)


def said(answers):
    return [(answer.image, answer.label) for answer in answers]


def test_undo_takes_away_and_rename_changes_what_came_before_it():
    entries = record(
        label("a.jpg", "cat"),
        label("b.jpg", "dgo", target="cat"),
        Rename("dgo", "dog", annotator="ann"),
        Undo(1, annotator="ann"),
        Rename("cat", "feline", annotator="ann"),
        label("c.jpg", "dgo"),
    )

    standing = standing_answers(entries)

    assert [(a.id, a.image, a.label, a.target) for a in standing] == [
        (2, "b.jpg", "dog", "feline"),
        (6, "c.jpg", "dgo", None),
    ]


def test_of_two_answers_the_first_counts_until_it_is_undone():
    entries = record(label("a.jpg", "cat"), label("a.jpg", "dog", "bob"), Undo(1, annotator="ann"))

    assert said(effective_answers(entries[:2])) == [("a.jpg", "cat")]
    assert said(effective_answers(entries)) == [("a.jpg", "dog")]


def test_a_skip_that_came_first_counts_when_labelling_and_gives_way_when_importing():
    entries = record(
        label("a.jpg", None), label("a.jpg", "cat", "bob"), label("a.jpg", "dog", "eve"), label("b.jpg", None)
    )

    assert said(effective_answers(entries)) == [("a.jpg", None), ("b.jpg", None)]
    assert said(first_labels(standing_answers(entries)).values()) == [("a.jpg", "cat")]


def test_chains_of_renames_give_what_renaming_one_by_one_gives():
    rng = random.Random(0)
    for _ in range(50):
        names = rng.choices("abcd", k=60)
        entries = record(
            *(
                Rename(name, rng.choice([other for other in "abcd" if other != name]), annotator="ann")
                if rng.random() < 0.3
                else label(f"{i}.jpg", name, target=rng.choice("abcd"))
                for i, name in enumerate(names)
            )
        )
        one_by_one = {}
        for entry in entries:
            if isinstance(entry, Annotation):
                one_by_one[entry.id] = [entry.label, entry.target]
            else:
                for answer in one_by_one.values():
                    answer[:] = [entry.new if name == entry.old else name for name in answer]

        assert {answer.id: [answer.label, answer.target] for answer in standing_answers(entries)} == one_by_one


def test_ten_thousand_answers_with_three_hundred_renames_are_replayed_within_a_second():
    entries = record(
        *(
            Rename(f"{i % 40}", f"{(i + 1) % 40}", annotator="ann") if i % 33 == 0 else label(f"{i}.jpg", f"{i % 40}")
            for i in range(10_000)
        )
    )
    began = time.perf_counter()

    standing_answers(entries)

    assert time.perf_counter() - began < 1  # one rename after the other takes ten


def test_guesses_that_were_offered_follow_the_names_of_their_classes():
    offered = replace(label("a.jpg", "dgo"), offered=("dgo", "cat", "dog"))
    entries = record(offered, Rename("dgo", "dog", annotator="ann"), replace(offered, image="b.jpg"))

    assert [(a.label, a.offered) for a in standing_answers(entries)] == [
        ("dog", ("dog", "cat")),
        ("dgo", ("dgo", "cat", "dog")),
    ]
