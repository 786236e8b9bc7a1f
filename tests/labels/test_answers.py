"""The labels of a workspace as rows of its pool."""

import pytest

from evenpick.errors import EvenpickError
from evenpick.labels import Annotation, LabelStore, recorded_labels
from evenpick.pool import Pool


def recorded(workspace, *entries, settings=None):
    with LabelStore(workspace) as store:
        ids = store.append(entries)
        if settings:
            store.store_settings(settings)
    return ids


def label(image, name, who="ann", **more):
    return Annotation(image, name, annotator=who, **more)


def test_the_labels_of_a_workspace_are_rows_names_skipped_rows_and_settings(make_workspace):
    workspace = make_workspace(n=6)
    recorded(
        workspace,
        label("004.jpg", "dog"),
        Annotation("001.jpg", None, annotator="ann"),
        label("000.jpg", "cat"),
        label("000.jpg", "dog", "bob"),  # a second opinion does not count
        label("005.jpg", "dog", phase="balancing", target="cat"),
        settings={"budget": 4},
    )

    labels = recorded_labels(workspace, Pool.open(workspace))

    assert labels.rows.tolist() == [4, 0, 5]
    assert labels.names == ["dog", "cat", "dog"]
    assert labels.skipped.tolist() == [1]
    assert labels.answered.tolist() == [4, 1, 0, 5]
    assert list(labels.counts.items()) == [("dog", 2), ("cat", 1)]
    assert labels.settings == {"budget": 4}
    assert [answer.image for answer in labels.annotations] == ["004.jpg", "001.jpg", "000.jpg", "005.jpg"]
    assert [(a.index, a.phase, a.target) for a in labels.answers][-2:] == [
        (0, "discovery", None),
        (5, "balancing", "cat"),
    ]


def test_a_workspace_without_a_record_has_no_labels_and_gets_no_record(make_workspace):
    workspace = make_workspace(n=3)

    labels = recorded_labels(workspace, Pool.open(workspace))

    assert (labels.rows.tolist(), labels.names, labels.settings, dict(labels.counts)) == ([], [], None, {})
    assert labels.rows.dtype.kind == "i"  # it can be an index
    assert not (workspace / "labels.sqlite").exists()


def test_a_record_that_names_an_image_of_another_pool_is_refused(make_workspace):
    workspace = make_workspace(n=3)
    recorded(workspace, label("000.jpg", "cat"), label("gone.jpg", "cat"))

    with pytest.raises(EvenpickError, match=r"labels.sqlite' names an image that the pool does not hold: 'gone.jpg'"):
        recorded_labels(workspace, Pool.open(workspace))
