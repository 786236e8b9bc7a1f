"""Labels that were given elsewhere, into the record."""

import threading
import time

import pytest

from evenpick.errors import EvenpickError
from evenpick.labels import Annotation, LabelStore, Rename, Undo, effective_answers, import_file, standing_answers
from evenpick.labels.importing import import_answers, import_labels


def test_importing_twice_adds_nothing_and_a_contradiction_imports_nothing(tmp_path):
    with LabelStore(tmp_path) as store:
        assert import_labels(store, {"a": "cat", "b": "dog"}, "me") == 2
        assert import_labels(store, {"a": "cat", "c": "cow"}, "me") == 1
        with pytest.raises(EvenpickError, match=r"'b': 'dog' there, 'cat' here; nothing was imported"):
            import_labels(store, {"d": "cow", "b": "cat"}, "me")
        assert [entry.image for entry in store.entries()] == ["a", "b", "c"]


def test_a_skip_gives_way_to_an_imported_label_and_whoever_imports_takes_it_back(tmp_path):
    with LabelStore(tmp_path) as store:
        store.append(
            [label("ann", "a", None), label("ann", "b", None), label("ann", "c", None), label("bob", "c", "cow")]
        )

        assert import_labels(store, {"a": "cat", "c": "cow"}, "me") == 1
        undone = [(store.undone(e).image, e.annotator) for e in store.entries() if isinstance(e, Undo)]
        assert undone == [("a", "me")]
        assert counting(store) == [("b", None), ("c", None), ("a", "cat")]  # c had a label already


def label(who, image, name):
    return Annotation(image, name, annotator=who)


def counting(store):
    return [(entry.image, entry.label) for entry in effective_answers(store.entries())]


def test_second_opinions_are_kept_and_the_first_label_counts(tmp_path):
    with LabelStore(tmp_path) as store:
        store.append([label("ann", "a", "cat"), label("ann", "b", None)])
        given = [label("eve", "c", None), label("bob", "c", "cow"), label("bob", "a", "dog"), label("bob", "b", "cow")]
        done = import_answers(store, [*given, label("eve", "b", "cow")])
        again = import_answers(store, [*given, label("eve", "b", "cow")])

        assert (done.labels, done.skips, done.known, done.second, done.disagreeing) == (4, 1, 0, 2, 1)
        assert (again.labels, again.skips, again.known) == (0, 0, 5)
        assert counting(store) == [("a", "cat"), ("c", "cow"), ("b", "cow")]
        assert len(standing_answers(store.entries())) == 6


def test_what_a_person_says_later_replaces_what_he_said_before(tmp_path):
    with LabelStore(tmp_path) as store:
        store.append([label("bob", "a", None)])
        import_answers(store, [label("ann", "a", "cat"), label("ann", "b", "cat"), label("ann", "c", None)])
        done = import_answers(store, [label("ann", "a", "dog"), label("ann", "b", None), label("ann", "c", "cow")])

        assert (done.labels, done.skips, done.corrected, done.second) == (2, 1, 3, 0)
        assert counting(store) == [("a", "dog"), ("c", "cow"), ("b", None)]
        assert import_answers(store, [label("ann", "a", "cat")]).corrected == 1
        assert counting(store)[-1] == ("a", "cat")


def test_the_record_tells_who_took_an_answer_back(tmp_path):
    with LabelStore(tmp_path) as store:
        import_answers(store, [label("ann", "a", None), label("ann", "b", "cat")])
        given = [label("eve", "a", None), label("bob", "a", "cow"), label("bob", "b", "dog"), label("ann", "b", "cow")]
        import_answers(store, given)

        undone = [(store.undone(e).image, e.annotator) for e in store.entries() if e.kind == "undo"]
        assert sorted(undone) == [("a", "bob"), ("b", "ann")]


def test_what_was_renamed_or_undone_since_is_known(tmp_path):
    with LabelStore(tmp_path) as store:
        import_answers(store, [label("ann", "a", "cat"), label("ann", "b", "dog")])
        store.append([Rename("cat", "lion", annotator="me"), Undo(2, annotator="me")])

        assert import_answers(store, [label("ann", "a", "cat"), label("ann", "b", "dog")]).known == 2
        assert counting(store) == [("a", "lion")]


def test_what_came_back_is_new_only_to_another_record(tmp_path):
    with LabelStore(tmp_path) as store:
        store.append([label("ann", "a", "cat"), Rename("cat", "lion", annotator="me")])
        done = import_answers(store, [], [label("ann", "a", "cat"), label("ann", "b", None), label("bob", "b", "cow")])

        assert (done.labels, done.skips, done.known, done.corrected) == (1, 1, 1, 0)
        assert counting(store) == [("a", "lion"), ("b", "cow")]


def test_of_two_imports_at_once_the_second_knows_what_the_first_has_recorded(tmp_path, make_workspace):
    workspace = make_workspace()
    (tmp_path / "labels.csv").write_text("image,label\n000.jpg,cat\n")
    with LabelStore(workspace) as store:
        other = threading.Thread(target=import_file, args=(workspace, tmp_path / "labels.csv", "ann"))
        with store.alone():
            store.append([Annotation("000.jpg", "cat", annotator="ann")])
            other.start()
            time.sleep(0.5)  # it waits
        other.join()

        assert [entry.image for entry in store.entries()] == ["000.jpg"]


def test_images_that_name_each_other_as_seen_get_labels_of_their_own(tmp_path):
    with LabelStore(tmp_path) as store:
        labels = {"a": "cat", "b": "cat", "c": "cat"}
        assert import_labels(store, labels, "me", seen={"a": "b", "b": "a", "c": "b"}) == 3

        assert {image for e in effective_answers(store.entries()) for image in (e.image, *e.inherited)} == {*"abc"}
