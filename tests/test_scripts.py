"""The scripts for those who work on evenpick."""

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


def test_every_mutant_still_finds_the_text_that_it_changes():
    run = subprocess.run([sys.executable, SCRIPTS / "mutants", "--list"], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout
