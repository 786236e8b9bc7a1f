"""The page's scripts: the parts without elements, tested by Node's own runner (no package is needed)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = sorted((Path(__file__).parent / "javascript").glob("*.test.mjs"))


@pytest.mark.slow
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_the_parts_of_the_page_without_elements(file):
    node = shutil.which("node")
    if node is None:
        missing = "no Node.js 18 or newer: install it (Debian: nodejs)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    run = subprocess.run([node, "--test", "--test-reporter=tap", file], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout
    assert "# fail 0" in run.stdout
    assert "# pass 0" not in run.stdout
