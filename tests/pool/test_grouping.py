"""Groups of a workspace: each way of `--group-by`, and changes by hand that stay."""

import csv

import numpy as np
import pytest
from written_pools import SOURCE

from evenpick.atomic_files import write_csv
from evenpick.errors import EvenpickError
from evenpick.paths import Paths
from evenpick.pool import Pool, check_grouping, group_images
from evenpick.pool.changes_csv import MOVED, Change
from evenpick.pool.grouping import hint_of
from evenpick.pool.images_csv import ImageRow
from evenpick.pool.skipped import Skipped, lines_of_skipped
from evenpick.pool.writer import PoolWriter
from evenpick.probabilities import summarise_probabilities

IDS = [f"{event}/{frame}.jpg" for event in "abcd" for frame in range(4)]


def add(workspace, ids, seconds, features):
    rows = [
        ImageRow(i, f"digest of {i}", taken="" if s is None else f"2024-05-01T08:{s // 60:02d}:{s % 60:02d}")
        for i, s in zip(ids, seconds, strict=True)
    ]
    predictions = summarise_probabilities(np.full((len(ids), 5), 0.2))
    PoolWriter(workspace, workspace / "photos", SOURCE).append(rows, features.astype(np.float32), predictions)


@pytest.fixture
def workspace(tmp_path):
    """Four folders of four images. In each, the first three are taken within 2 seconds, the first two look alike."""
    features = np.tile(np.eye(4)[[0, 0, 1, 2]], (4, 1))
    seconds = [100 * event + (frame if frame < 3 else 80) for event in range(4) for frame in range(4)]
    add(tmp_path, IDS, seconds, features)
    return tmp_path


def grouped(workspace, group_by=None, gap=None):
    """The images of each group, as text."""
    group_images(workspace, Pool.open(workspace), None, group_by, gap)
    return groups_of(workspace)


def groups_of(workspace):
    pool = Pool.open(workspace)
    if pool.groups is None:
        return []
    lists = [[pool.image_ids[i] for i in np.flatnonzero(pool.groups == g)] for g in range(pool.groups.max() + 1)]
    return [" ".join(images) for images in lists if len(images) > 1]


def lines(workspace):
    return list(csv.reader((workspace / "groups.csv").read_text().splitlines()))


def rewrite(workspace, change):
    """Do to the lines of groups.csv what a person does."""
    head, *rows = lines(workspace)
    with (workspace / "groups.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *change(rows)])


PAIRS = [f"{event}/0.jpg {event}/1.jpg" for event in "abcd"]


def test_auto_is_the_default_and_takes_time_and_looks(workspace):
    assert grouped(workspace) == PAIRS
    assert lines(workspace)[:3] == [
        ["image", "group", "reason"],
        ["a/0.jpg", "a/0.jpg", "taken together"],
        ["a/1.jpg", "a/0.jpg", "taken together"],
    ]


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        ("time", [" ".join(f"{event}/{frame}.jpg" for frame in range(3)) for event in "abcd"]),
        ("folder", [" ".join(f"{event}/{frame}.jpg" for frame in range(4)) for event in "abcd"]),
        ("^(.)/[01]", PAIRS),
        ("^./[01]", []),  # each whole match is another name
        (r"^([ab]).*(\d)", []),
        ("[23]", [" ".join(f"{event}/{frame}.jpg" for event in "abcd") for frame in (2, 3)]),
        ("none", []),
    ],
)
def test_each_way_makes_its_groups(workspace, group_by, expected):
    assert grouped(workspace, group_by) == expected


def test_a_longer_gap_chains_more(workspace):
    assert grouped(workspace, "time", gap=77)[0] == "a/0.jpg a/1.jpg a/2.jpg"
    assert grouped(workspace, "time", gap=78)[0] == "a/0.jpg a/1.jpg a/2.jpg a/3.jpg"


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "known.csv"
    file.write_text("\ufefffile,part\n./a/0.jpg,7\na/3.jpg, 7 \nb/0.jpg,8\nb/1.jpg,\nbroken.jpg,7\n", "utf-8")
    Paths(tmp_path).skipped.write_bytes(lines_of_skipped([Skipped("broken.jpg", "the file is empty")]))
    return file


def test_a_column_of_a_table_names_groups(workspace, table):
    assert grouped(workspace, f"{table}:part") == ["a/0.jpg a/3.jpg"]
    assert lines(workspace)[1] == ["a/0.jpg", "7", f"{table}:part"]


def test_a_table_that_changed_counts_with_the_next_embed(workspace, table):
    grouped(workspace, f"{table}:part")
    table.write_text("file,part\na/1.jpg,7\nb/0.jpg,7\n")

    assert grouped(workspace) == ["a/1.jpg b/0.jpg"]


def test_a_table_may_name_images_by_the_ids_that_they_had(workspace, table):
    grouped(workspace, f"{table}:part")

    rename(workspace, _3="a/z.jpg")

    assert grouped(workspace) == ["a/0.jpg a/z.jpg"]


def test_a_table_that_was_named_from_one_folder_is_found_from_another(workspace, table, monkeypatch):
    monkeypatch.chdir(table.parent)
    grouped(workspace, f"{table.name}:part")
    monkeypatch.chdir("/")
    more(workspace)

    check_grouping(workspace, None, None)
    assert grouped(workspace) == ["a/0.jpg a/3.jpg"]


def test_a_table_that_is_gone_is_told_before_the_long_part(workspace, table):
    grouped(workspace, f"{table}:part")
    table.rename(table.with_name("elsewhere.csv"))

    with pytest.raises(EvenpickError, match=r"is grouped by .*:part: .* does not exist; say --group-by with") as told:
        check_grouping(workspace, None, None)
    assert "\n" not in str(told.value)
    check_grouping(workspace, "auto", None)


@pytest.mark.parametrize(
    ("group_by", "said"),
    [
        ("(", "'(' is no regular expression: missing ), unterminated subpattern"),
        ("x+", "'x+' matches no image, such as 'a/0.jpg'"),
        ("jpg", "makes one group, 'jpg', of all 16 images"),
        ("known.csv:place", "'{table}' has no column 'place'; its columns: file, part"),
        ("gone.csv:part", "gone.csv' does not exist"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line_and_changes_nothing(workspace, table, group_by, said):
    before = grouped(workspace)
    if ".csv" in group_by:
        group_by = str(workspace / group_by)

    with pytest.raises(EvenpickError) as error:
        grouped(workspace, group_by)

    assert said.format(table=table) in str(error.value)
    assert "\n" not in str(error.value)
    assert groups_of(workspace) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,g\nx.jpg,1\ny.jpg,1\n", "names 2 images that are not in the pool: 'x.jpg', 'y.jpg'"),
        ("image,g\na/0.jpg,1\na/0.jpg,2\n", "gives image 'a/0.jpg' two values of 'g', '1' and '2'"),
        ("image,g\na/0.jpg,\n", "says nothing in its column 'g'"),
        ("picture,g\na/0.jpg,1\n", "has no column 'image' (or file, filename, path, image_id)"),
        ('image,g\na/0.jpg,"1\n', "is no CSV table"),
    ],
)
def test_a_wrong_table_is_told_in_one_line(workspace, tmp_path, text, said):
    file = tmp_path / "wrong.csv"
    file.write_text(text)

    with pytest.raises(EvenpickError) as error:
        grouped(workspace, f"{file}:g")

    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_mistakes_that_can_be_seen_at_once_are_told_before_the_long_part(tmp_path):
    for group_by in ("(", f"{tmp_path}/gone.csv:part"):
        with pytest.raises(EvenpickError):
            check_grouping(tmp_path, group_by, None)
    for gap in (-1, float("nan"), float("inf")):
        with pytest.raises(EvenpickError, match="--gap must be seconds, 0 or more"):
            check_grouping(tmp_path, None, gap)
    check_grouping(tmp_path, "x+", 0.5)  # whether a pattern matches is known later
    (tmp_path / "groups.csv").write_text("image\n")
    with pytest.raises(EvenpickError, match="needs a first line with the columns"):
        check_grouping(tmp_path, None, None)


def test_without_times_there_are_no_groups_by_time(tmp_path):
    add(tmp_path, ["a.jpg", "b.jpg"], [None, None], np.eye(2, 4))

    with pytest.raises(EvenpickError, match="no image says when it was taken"):
        grouped(tmp_path, "time")


def test_the_way_and_the_gap_stay_for_the_next_embed(workspace):
    by_time = grouped(workspace, "time", 0.5)

    assert by_time == []
    assert grouped(workspace) == []
    assert len(grouped(workspace, gap=1)) == 4


def more(workspace):
    add(workspace, ["e/0.jpg", "e/1.jpg"], [900, 901], np.array([[9.0, 9, 9, 9]] * 2))


def test_new_images_join(workspace):
    grouped(workspace, "folder")
    add(workspace, ["a/4.jpg"], [None], np.ones((1, 4)))

    assert grouped(workspace)[0] == "a/0.jpg a/1.jpg a/2.jpg a/3.jpg a/4.jpg"


def test_what_people_change_counts_at_once_and_stays(workspace):
    grouped(workspace)

    def change(rows):
        kept = [row for row in rows if row[0] != "a/1.jpg"]  # stands alone
        kept = [[row[0], "mine", row[2]] if row[0] == "b/1.jpg" else row for row in kept]
        return [*kept, ["b/3.jpg", "mine", ""], ["c/3.jpg", "c/0.jpg", ""]]

    expected = ["b/1.jpg b/3.jpg", "c/0.jpg c/1.jpg c/3.jpg", "d/0.jpg d/1.jpg"]
    rewrite(workspace, change)
    assert groups_of(workspace) == expected
    for embedding in (lambda: None, lambda: more(workspace), lambda: None):
        embedding()
        group_images(workspace, Pool.open(workspace), None)
        assert [group for group in groups_of(workspace) if group[0] != "e"] == expected
    by_hand = {row[0]: row[1] for row in lines(workspace) if row[2] == "by hand"}
    assert by_hand == {"a/1.jpg": "", "b/1.jpg": "mine", "b/3.jpg": "mine", "c/3.jpg": "c/0.jpg"}


def rename(workspace, **names):
    """Do to the pool what `embed` does when it finds files under another name."""
    writer = PoolWriter(workspace, workspace / "photos", SOURCE)
    now = {f"a/{name[1:]}.jpg": to for name, to in names.items()}
    rows = [row._replace(image=now.get(row.image, row.image)) for row in writer.rows]
    writer.rewrite(rows, changes=[Change(MOVED, image, to) for image, to in now.items()])


def test_a_group_made_by_hand_stays_together_when_the_image_that_names_it_is_renamed(workspace):
    grouped(workspace)
    rewrite(workspace, lambda rows: [*rows, ["c/3.jpg", "a/0.jpg", ""]])
    together = "a/z.jpg a/1.jpg c/3.jpg"

    rename(workspace, _0="a/z.jpg")

    assert groups_of(workspace)[0] == together
    assert grouped(workspace)[0] == together
    rename(workspace, _1="a/y.jpg")
    assert grouped(workspace)[0] == "a/z.jpg a/y.jpg c/3.jpg"


def test_changes_by_hand_stay_with_another_way_of_grouping(workspace):
    grouped(workspace)
    rewrite(workspace, lambda rows: [*rows, ["a/3.jpg", "mine", ""], ["b/3.jpg", "mine", ""]])

    assert grouped(workspace, "none") == ["a/3.jpg b/3.jpg"]


def test_a_line_by_hand_that_is_taken_out_is_forgotten(workspace):
    grouped(workspace)
    rewrite(workspace, lambda rows: [row for row in rows if row[0] != "a/1.jpg"])
    assert "a/0.jpg a/1.jpg" not in grouped(workspace, gap=61)
    rewrite(workspace, lambda rows: [row for row in rows if row[0] != "a/1.jpg"])

    assert grouped(workspace, gap=60) == PAIRS


def test_without_the_file_all_begins_anew(workspace):
    grouped(workspace)
    rewrite(workspace, lambda rows: [])
    assert groups_of(workspace) == []
    (workspace / "groups.csv").unlink()

    assert grouped(workspace) == PAIRS


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_a_run_that_is_killed_while_it_writes_takes_nothing_for_a_change_by_hand(workspace, monkeypatch, killed_at):
    from evenpick.pool import grouping

    grouped(workspace)
    calls = []

    def write(*arguments):
        calls.append(arguments)
        if len(calls) == killed_at:
            raise KeyboardInterrupt
        write_csv(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(grouping, "write_csv", write)
        if killed_at == 3:
            patch.setattr(grouping, "write_atomically", lambda *_: exec("raise KeyboardInterrupt"))
        with pytest.raises(KeyboardInterrupt):
            grouped(workspace, "folder")

    assert len(grouped(workspace, "time")) == 4
    assert {row[2] for row in lines(workspace)[1:]} == {"time"}


@pytest.mark.parametrize("content", [b"", b'{"group_by": "au', b"[1]", b'{"gap": "x"}'])
def test_damaged_settings_of_groups_are_told_in_one_line(make_workspace, content):
    workspace = make_workspace(n=4)
    (workspace / "pool" / "groups.json").write_bytes(content)

    with pytest.raises(EvenpickError, match=r"groups.json' is damaged: move it away"):
        hint_of(workspace, Pool.open(workspace))
