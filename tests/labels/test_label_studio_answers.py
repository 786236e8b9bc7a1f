"""What Label Studio exports; the files in tests/data are from a real one, see test_with_label_studio.py."""

import json
from pathlib import Path

import pytest

from evenpick.errors import EvenpickError
from evenpick.labels.label_studio_answers import read_answers
from evenpick.labels.label_studio_files import is_from_label_studio

DATA = Path(__file__).parents[1] / "data"
KNOWN = [f"{i:03d}.jpg" for i in range(8)]


def choice(*names, name="label"):
    return {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": list(names)}}


def annotation(*names, by=1, at="2026-01-01", **more):
    results = [choice(*names)] if names else []
    return {"completed_by": by, "result": results, "created_at": at, "was_cancelled": False, "lead_time": 2.5, **more}


def task(image, *annotations, **data):
    return {"id": 7, "data": {"image_id": image, "image": f"/x/{image}", **data}, "annotations": list(annotations)}


def answers(tmp_path, *tasks, known=KNOWN, skipped=()):
    file = tmp_path / "export.json"
    file.write_text(json.dumps(tasks))
    return read_answers(file, known, skipped, "imported")


def said(found):
    return [(entry.annotator, entry.image, entry.label) for entry in found.new]


def came_back(found):
    return [(entry.annotator, entry.image, entry.label) for entry in found.returned]


def test_a_choice_is_a_label_and_a_cancelled_annotation_a_skip(tmp_path):
    found = answers(
        tmp_path,
        task("000.jpg", annotation("cat")),
        task("001.jpg", annotation(was_cancelled=True)),
        task("002.jpg"),
        task("003.jpg", annotation()),
        task("004.jpg", annotation("dog", was_cancelled=True)),
    )

    me = "Label Studio user 1"
    assert said(found) == [(me, "000.jpg", "cat"), (me, "001.jpg", None), (me, "004.jpg", None)]
    assert [entry.kind for entry in found.new] == ["label", "skip", "skip"]
    assert found.unanswered == 2


def test_several_people_are_told_apart_and_the_first_comes_first(tmp_path):
    found = answers(
        tmp_path,
        task(
            "000.jpg",
            annotation("dog", by={"id": 2, "email": "bob@example.com"}, at="2026-01-03"),
            annotation("cat", by={"id": 1, "email": "ann@example.com"}, at="2026-01-02"),
            annotation(by=3, at="2026-01-01", was_cancelled=True),
            annotation("cow", by=None, at="2026-01-04"),
        ),
    )

    assert said(found) == [
        ("Label Studio user 3", "000.jpg", None),
        ("ann@example.com", "000.jpg", "cat"),
        ("bob@example.com", "000.jpg", "dog"),
        ("imported", "000.jpg", "cow"),
    ]


def test_json_min_says_the_same(tmp_path):
    def minimal(image, label, by, number, **more):
        return {"image": f"/x/{image}", "image_id": image, "id": 1, "label": label, "annotator": by,
                "annotation_id": number, "created_at": "2026-01-01", "lead_time": 1.5, **more}  # fmt: skip

    found = answers(
        tmp_path,
        minimal("000.jpg", "dog", "bob@example.com", 2),  # the newest comes first
        minimal("000.jpg", "cat", 1, 1),
        {"image": "/x/001.jpg", "id": 2, "annotator": "None"},
        {"picture": "/x/002.jpg", "id": 3, "choice": "cow", "annotator": 1},
    )

    assert said(found) == [
        ("Label Studio user 1", "000.jpg", "cat"),
        ("bob@example.com", "000.jpg", "dog"),
        ("Label Studio user 1", "002.jpg", "cow"),
    ]
    assert found.unanswered == 1


def test_answers_that_evenpick_sent_along_keep_their_person(tmp_path):
    sent = {"answers": {"ann": "cat", "bob": "cat", "eve": None}}
    came = [annotation("cat"), annotation("cat"), annotation(was_cancelled=True), annotation("dog", by=2, at="2027")]

    found = answers(tmp_path, task("000.jpg", *came, **sent))

    assert said(found) == [("Label Studio user 2", "000.jpg", "dog")]
    assert came_back(found) == [("ann", "000.jpg", "cat"), ("bob", "000.jpg", "cat"), ("eve", "000.jpg", None)]


def test_an_answer_that_was_changed_is_of_whoever_changed_it(tmp_path):
    found = answers(tmp_path, task("000.jpg", annotation("dog"), answers={"ann": "cat"}))

    assert (said(found), came_back(found)) == ([("Label Studio user 1", "000.jpg", "dog")], [])
    # Who is on the way already and says something new is heard once.
    me = "Label Studio user 1"
    found = answers(tmp_path, task("000.jpg", annotation("cat"), annotation("dog"), answers={me: "cat"}))
    assert (said(found), came_back(found)) == ([(me, "000.jpg", "dog")], [])


def test_a_change_is_of_whoever_label_studio_says_changed_it(tmp_path):
    ann = {"id": 1, "email": "ann@example.com"}
    changed = annotation("dog", by=ann, updated_by=2)
    own = annotation("cow", by=ann, updated_by=1)

    found = answers(tmp_path, task("000.jpg", changed, own, answers={"eve": "cat"}))

    assert said(found) == [(BOB, "000.jpg", "dog"), ("ann@example.com", "000.jpg", "cow")]
    # An answer of Label Studio's own stays with its person, whoever corrected it.
    assert said(answers(tmp_path, task("000.jpg", changed))) == [("ann@example.com", "000.jpg", "dog")]


def test_what_json_min_calls_a_label_is_none_where_nobody_annotated(tmp_path):
    found = answers(tmp_path, {"image": "000.jpg", "id": 1, "label": "b", "annotator": "None", "annotation_id": None})

    assert (said(found), found.unanswered) == ([], 1)


def test_tasks_made_elsewhere_are_known_by_their_address(tmp_path):
    found = answers(
        tmp_path,
        {"id": 1, "data": {"image_id": 17, "img": "s3://photos/000.jpg"}, "annotations": [annotation("cat")]},
        {"id": 2, "data": {"img": "s3://photos/001.jpg", "note": "1/2"}, "annotations": []},
    )

    assert said(found) == [("Label Studio user 1", "000.jpg", "cat")]


def test_of_several_questions_ours_counts(tmp_path):
    both = annotation("cat")
    both["result"].insert(0, choice("blurred", name="quality"))
    both["result"].append({"from_name": "box", "type": "rectanglelabels", "value": {"rectanglelabels": ["x"]}})

    assert said(answers(tmp_path, task("000.jpg", both)))[0][2] == "cat"


def test_images_that_embed_left_out_are_passed_over(tmp_path):
    found = answers(tmp_path, task("bad.jpg", annotation("a", "b")), skipped=["bad.jpg"])

    assert (found.new, found.unanswered, found.skipped) == ([], 0, ["bad.jpg"])


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([task("z.jpg")], r"names 1 image that is not in the pool: '/x/z.jpg'; a task must have `image_id`, or"),
        ([task("000.jpg", annotation("a"), annotation("b"))], r"user 1 labels image '000.jpg' twice, as 'a' and 'b'"),
        ([task("000.jpg", annotation("a\nb"))], r"task 7 \(image '000.jpg'\): a class name must be on one line"),
        ([task("000.jpg", annotation(5))], "a class name must be a text"),
        ([{"id": 3, "data": {}}], r"task 3: its data must have the address of an image; got None"),
        ([{"id": 3, "data": {"image": ["a"]}}], r"task 3: its data must have the address of an image; got \['a'\]"),
        ([{"id": 3, "image": "000.jpg", "annotation_id": 1, "animal": "cat"}],
         "task 3: it is annotated, but has none of label, choice, class, category, .*: export as JSON"),
        ([task("000.jpg", "cat")], "task 7: it is not as Label Studio exports tasks"),
        ([task("000.jpg", {"result": [{"type": "choices"}]})], "task 7: it is not as Label Studio exports tasks"),
        ([1], "must be a list of tasks, as Label Studio exports them .*; got a list of other things"),
    ],
)  # fmt: skip
def test_an_export_that_cannot_be_right_is_refused(tasks, message, tmp_path):
    with pytest.raises(EvenpickError, match=message):
        answers(tmp_path, *tasks)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "must be a list of tasks, .*; got dict"),
        ("[", "is no JSON: Expecting value: line 1 column 2"),
        ("[" * 100_000, "is no JSON"),
        ("\xff", "is no JSON: 'utf-8'"),
    ],
)
def test_a_file_that_is_no_export_is_refused(text, message, tmp_path):
    (tmp_path / "x.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(EvenpickError, match=message):
        read_answers(tmp_path / "x.json", KNOWN)
    with pytest.raises(EvenpickError, match="does not exist"):
        read_answers(tmp_path / "gone.json", KNOWN)


@pytest.mark.parametrize(
    ("name", "text", "json_it_is"),
    [
        ("a.json", "image,label", True),
        ("a.txt", "\ufeff \n[{}]", True),
        ("a.csv", "image,label\n", False),
        ("a", "", False),
    ],
)
def test_json_is_told_from_a_table(name, text, json_it_is, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")

    assert is_from_label_studio(tmp_path / name) is json_it_is
    assert is_from_label_studio(tmp_path / "gone.json")
    assert not is_from_label_studio(tmp_path / "gone.csv")


ME, BOB = "Label Studio user 1", "Label Studio user 2"
ODD, BIRD = 'a/b <c> & "d"', "été 🦩"
EXPORTED = {
    ("ann", "plain.jpg", "cat"), ("bob", "plain.jpg", ODD), ("ann", "a b/1.jpg", ODD),
    ("ann", "a b/été & co #1.jpg", BIRD), ("ann", "100%25 +.jpg", "100%"),
    (ME, "c/1.jpg", "dog"), (BOB, "c/1.jpg", "cat"), (BOB, "d.jpg", BIRD),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "skips"),
    [
        ("label-studio-1.23.2.json", {("ann", "x?d=y;1.jpg", None), (ME, "'quoted'.jpg", None)}),
        ("label-studio-1.23.2-min.json", set()),  # this form leaves them out
    ],
)
@pytest.mark.parametrize("with_ids", [True, False])
def test_a_real_export_is_read(name, skips, with_ids, tmp_path):
    text = (DATA / name).read_text(encoding="utf-8")
    file = tmp_path / name
    file.write_text(text if with_ids else text.replace('"image_id"', '"other"'), encoding="utf-8")
    images = ["plain.jpg", "1.jpg", "a b/1.jpg", "a b/été & co #1.jpg", "100%25 +.jpg", "x?d=y;1.jpg", "'quoted'.jpg",
              "c/1.jpg", "d.jpg"]  # fmt: skip

    found = read_answers(file, images)

    assert set(came_back(found)) == {answer for answer in EXPORTED | skips if answer[0] in ("ann", "bob")}
    assert set(said(found)) == {answer for answer in EXPORTED | skips if answer[0] in (ME, BOB)}
    assert len(found.new) + len(found.returned) == len(EXPORTED | skips)
    assert [who for who, image, _ in said(found) if image == "c/1.jpg"] == [ME, BOB]


def test_an_annotation_of_two_choices_is_listed_and_the_rest_is_taken(tmp_path):
    tasks = [task("000.jpg", annotation("a", "b")), task("001.jpg", annotation("a"))]
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(tasks))

    found = read_answers(file, ["000.jpg", "001.jpg"])

    assert [(answer.image, answer.label) for answer in found.new] == [("001.jpg", "a")]
    assert found.refused == ["task 7 (image '000.jpg') chooses 'a', 'b'"]
    assert found.unanswered == 1


CSV = """annotation_id,annotator,choice,created_at,id,image,lead_time,updated_at
1,1,fox,2026-01-01T00:00:00Z,11,/data/local-files/?d=photos\\a\\000.jpg,3.1,2026-01-01T00:00:00Z
2,ana@example.org,"{""choices"": [""fox"", ""deer""]}",2026-01-01T00:00:01Z,12,/data/local-files/?d=photos\\a\\001.jpg,2,x
3,1,deer,2026-01-01T00:00:02Z,13,/data/local-files/?d=photos\\a\\002.jpg,3.1,2026-01-01T00:00:00Z
"""


def test_a_table_of_label_studio_on_windows_is_read(tmp_path):
    file = tmp_path / "project-1.csv"
    file.write_text(CSV)

    assert is_from_label_studio(file)
    found = read_answers(file, ["a/000.jpg", "a/001.jpg", "a/002.jpg"])

    assert [(answer.image, answer.label, answer.annotator) for answer in found.new] == [
        ("a/000.jpg", "fox", "Label Studio user 1"), ("a/002.jpg", "deer", "Label Studio user 1"),
    ]  # fmt: skip
    assert found.refused == ["task 12 (image 'a/001.jpg') chooses 'fox', 'deer'"]
