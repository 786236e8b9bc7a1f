"""What the review page reads: answers, grids that stand, what was inherited, and what may be wrong."""

import numpy as np


def test_grids_are_told_last_first_as_long_as_they_stand(begin):
    client = begin()
    client.ask("/api/label", row=0, label="dog")
    assert client.get("/api/review").json()["grids"] == []
    client.ask("/api/label_many", rows=[3, 4], label="cat")
    client.ask("/api/label_many", rows=[7, 5], label="cow", means="confirmed", annotator="bob")
    first = {"entries": [2, 3], "rows": [3, 4], "label": "cat", "annotator": "ann"}
    second = {"entries": [4, 5], "rows": [7, 5], "label": "cow", "annotator": "bob"}
    assert client.get("/api/review").json()["grids"] == [second, first]
    client.ask("/api/change", rows=[3], label="dog")
    client.ask("/api/take_back", entries=[4, 5])
    assert client.get("/api/review").json()["grids"] == [first | {"entries": [3], "rows": [4]}]


def test_what_was_inherited_is_told_with_the_image_that_was_seen(begin, make_workspace):
    workspace = make_workspace(12)
    (workspace / "groups.csv").write_text(
        "image,group,reason\n" + "".join(f"{i:03d}.jpg,{i // 3},time\n" for i in range(12))
    )
    client = begin(workspace=workspace, budget=5, balancing=None)
    client.ask("/api/label", row=1, label="cat", without=[2])
    client.ask("/api/skip", row=4)

    assert client.get("/api/review").json()["inherited"] == 3
    given = client.get("/api/inherited").json()["given"]
    said = [(one["row"], one["seen"], one["answers"][0]["label"]) for one in given]
    assert said == [(3, 4, None), (5, 4, None), (0, 1, "cat")]
    assert "seen" not in client.get("/api/review").json()["given"][0]


def test_what_may_be_wrong_is_told_worst_first(begin, make_workspace):
    features = np.random.default_rng(0).normal(size=(40, 6)) * 0.3
    features[::2, 0] += 3
    features[1::2, 1] += 3
    client = begin(workspace=make_workspace(40, features=features), budget=40)
    for row in range(19):
        client.ask("/api/label", row=row, label="odd" if row % 2 or row == 8 else "even")
    assert client.get("/api/doubtful").json() == {"labels": []}  # too few
    client.ask("/api/label", row=19, label="odd")

    worst = client.get("/api/doubtful").json()["labels"][0]
    assert (worst["row"], worst["label"], worst["likely"]) == (8, "odd", "even")
    assert worst["probability"] < 0.5 < worst["likely_probability"]
