"""A workspace that nobody may write: what needs to read it alone works, and what has to write says so in one line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evenpick.counting import counted

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="rights of files")]

DATA = Path(__file__).resolve().parents[1] / "data"
CODE = (
    "import sys; from click.testing import CliRunner; from evenpick.cli import main\n"
    "for line in sys.argv[1:]:\n"
    "    run = CliRunner().invoke(main, line.split('|'))\n"
    "    print(line.split('|')[0], run.exit_code, repr(run.output.strip().splitlines()[-1:]))"
)


def as_a_reader(*commands):
    """What each command ends with, run by somebody whom the rights of files hold, even if these tests run as root."""
    before = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may write everything")
        before = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]
    lines = ["|".join(map(str, command)) for command in commands]
    run = subprocess.run([*before, sys.executable, "-c", CODE, *lines], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return [tuple(line.split(" ", 2)) for line in run.stdout.splitlines()]


@pytest.fixture
def read_only():
    made = []

    def make(folder):
        for path in [*folder.rglob("*"), folder]:
            path.chmod(path.stat().st_mode & ~0o222)
            made.append(path)

    yield make
    for path in reversed(made):
        path.chmod(path.stat().st_mode | 0o200)


def test_a_read_only_workspace_is_looked_at_exported_and_reported(evenpick, workspace, oracle, tmp_path, read_only):
    evenpick("import", workspace, oracle)
    (workspace / "pool" / "checked.json").unlink(missing_ok=True)
    read_only(workspace)

    looked = as_a_reader(
        ["status", workspace],
        ["diagnose", workspace],
        ["export", workspace, tmp_path / "labels.csv"],
        ["export", workspace, tmp_path / "sorted", "--to", "folder"],
        ["export", workspace, tmp_path / "tasks.json", "--to", "label-studio", "--budget", "12"],
        ["backup", workspace, tmp_path / "kept.sqlite"],
        ["report", workspace, "--out", tmp_path / "report"],
    )
    refused = as_a_reader(["report", workspace], ["train", workspace], ["label", workspace, "--budget", "12"])

    assert [code for _, code, _ in looked] == ["0"] * 7, looked
    assert (tmp_path / "report" / "index.html").read_text().count("data:image/jpeg") == 12
    assert [code for _, code, _ in refused] == ["1"] * 3
    assert all("Permission denied" in said and ".tmp" not in said for _, _, said in refused), refused


@pytest.mark.parametrize("state", ["none", "format 1", "a log beside it", "a journal beside it"])
def test_the_record_of_a_read_only_workspace_is_read_whatever_its_state(
    evenpick, workspace, tmp_path, read_only, state
):
    record, labels = workspace / "labels.sqlite", {"none": 0, "format 1": 4}.get(state, 1)
    if state == "format 1":
        shutil.copy(DATA / "labels-format-1.sqlite", record)
    elif state != "none":
        evenpick("status", workspace)
        mode = "WAL" if "log" in state else "PERSIST"
        statement = (
            "INSERT INTO record (at, annotator, kind, image, label) VALUES ('2026', 'ann', 'label', 'a/01.jpg', 'a')"
        )
        code = (
            "import os, sqlite3, sys; from evenpick.labels import LabelStore\n"
            "LabelStore(sys.argv[1]).close(); c = sqlite3.connect(sys.argv[1] + '/labels.sqlite')\n"
            f"c.execute('PRAGMA journal_mode = {mode}'); c.execute(sys.argv[2]); c.commit(); os._exit(0)"
        )
        subprocess.run([sys.executable, "-c", code, workspace, statement], check=True)
        assert len([*workspace.glob("labels.sqlite*")]) > 1
    read_only(workspace)

    [exported, imported] = as_a_reader(["export", workspace, tmp_path / "labels.csv"], ["import", workspace, "--undo"])

    assert exported[1:] == ("0", f"[\"{counted(labels, 'label')} written to '{tmp_path / 'labels.csv'}'.\"]")
    assert imported[1] == "1"
    assert "cannot be" in imported[2] or "no import" in imported[2], imported
