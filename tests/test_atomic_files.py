"""Files are replaced as a whole: by two writers at once, by a writer that is killed, by one that fails."""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest

from evenpick.atomic_files import write_atomically, write_csv, writing

WRITER = """
import sys
from pathlib import Path
from evenpick.atomic_files import write_atomically
file, letter, count = Path(sys.argv[1]), sys.argv[2].encode(), int(sys.argv[3])
for _ in range(count):
    write_atomically(file, letter * 300_000)
"""

STOPPED_HALF_WAY = """
import sys, time
from pathlib import Path
from evenpick.atomic_files import writing
with writing(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half of the new")
    print("writing", flush=True)
    time.sleep(60)
"""


def run_python(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_reader_never_sees_a_file_cut_or_empty_while_two_processes_write_it(tmp_path):
    file = tmp_path / "shared.bin"
    write_atomically(file, b"old" * 100_000)
    whole = {b"old" * 100_000, b"a" * 300_000, b"b" * 300_000}

    writers = [run_python(WRITER, file, letter, 100) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        seen.add(file.read_bytes())
        time.sleep(0.0005)

    assert [(writer.returncode, writer.communicate()[1]) for writer in writers] == [(0, ""), (0, "")]
    assert seen <= whole
    assert len(seen) >= 2
    assert list(tmp_path.iterdir()) == [file]


def test_a_writer_that_is_killed_leaves_the_old_file(tmp_path):
    file = tmp_path / "facts.json"
    write_atomically(file, b"the old")

    writer = run_python(STOPPED_HALF_WAY, file)
    assert writer.stdout.readline() == "writing\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()

    assert file.read_bytes() == b"the old"
    write_atomically(file, b"the new")
    assert file.read_bytes() == b"the new"


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "facts.json"
    write_atomically(file, b"the old")

    def saver_of_a_full_disk(path):
        path.write_bytes(b"half of")
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"), writing(file) as temporary:
        saver_of_a_full_disk(temporary)

    assert file.read_bytes() == b"the old"
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_written_is_on_the_disk_before_it_has_the_name(tmp_path, monkeypatch):
    file, order = tmp_path / "facts.json", []
    fsync = os.fsync

    def watched(descriptor):
        order.append((os.fstat(descriptor).st_size, file.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write_atomically(file, b"12345")

    assert order == [(5, False)]


def test_a_file_of_the_longest_name_that_the_disk_takes_can_be_written(tmp_path):
    file = tmp_path / ("n" * 255)

    write_atomically(file, b"data")

    assert file.read_bytes() == b"data"


def test_a_table_comes_back_as_it_was_given(tmp_path):
    rows = [["a,b.jpg", 'said "yes"'], ["two\nlines", ""], [b"caf\xe9.jpg".decode("utf-8", "surrogateescape"), "1"]]

    write_csv(tmp_path / "table.csv", ("image", "label"), rows)

    data = (tmp_path / "table.csv").read_bytes()
    assert data.startswith(b"image,label\r\n")
    assert b"caf\xe9.jpg,1\r\n" in data  # the bytes of the name, which are not UTF-8
    with (tmp_path / "table.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as handle:
        assert list(csv.reader(handle)) == [["image", "label"], *rows]


def test_what_a_killed_writer_left_is_removed_by_the_next_one_an_hour_later(tmp_path):
    left, working = tmp_path / ".evenpick-0.tmp", tmp_path / ".evenpick-1.tmp"
    for file in (left, working):
        file.touch()
    os.utime(left, (0, 0))

    write_atomically(tmp_path / "table.csv", b"whole")

    assert sorted(file.name for file in tmp_path.iterdir()) == [working.name, "table.csv"]


def test_a_file_that_another_process_made_meanwhile_stays_where_none_is_to_be_replaced(tmp_path):
    file = tmp_path / "record"
    with writing(file, replacing=False) as temporary:
        temporary.write_bytes(b"second")
        file.write_bytes(b"first")

    assert file.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_cannot_be_written_is_named_in_place_of_its_temporary_one(tmp_path):
    with pytest.raises(OSError, match="No such file") as caught:
        write_atomically(tmp_path / "gone" / "facts.json", b"{}")

    assert caught.value.filename == str(tmp_path / "gone" / "facts.json")


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="limits of file sizes")
def test_a_file_that_the_disk_has_no_room_for_is_named(tmp_path):
    code = (
        "import resource, signal, sys; from pathlib import Path; from evenpick.atomic_files import write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_atomically(Path(sys.argv[1]), bytes(2000))\n"
        "except OSError as error: print(error.filename, end='')"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path / "big"], capture_output=True, text=True, check=True)

    assert run.stdout == str(tmp_path / "big")
    assert list(tmp_path.iterdir()) == []
