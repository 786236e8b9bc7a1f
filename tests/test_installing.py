"""The command that is named brings the extra from where evenpick came from."""

import json

import pytest

from evenpick.installing import command_for

VENV = "/home/ann/.venv"


@pytest.mark.parametrize(
    ("origin", "prefix", "command"),
    [
        (None, VENV, "pip install 'evenpick[web]'"),
        (
            {"url": "file:///src/even%20pick", "dir_info": {"editable": True}},
            VENV,
            "pip install -e '/src/even pick[web]'",
        ),
        ({"url": "file:///src/evenpick", "dir_info": {}}, VENV, "pip install '/src/evenpick[web]'"),
        (
            {"url": "file:///tmp/evenpick-0.1.0-py3-none-any.whl", "archive_info": {}},
            VENV,
            "pip install 'evenpick[web] @ file:///tmp/evenpick-0.1.0-py3-none-any.whl'",
        ),
        (
            {
                "url": "https://example.org/e.git",
                "vcs_info": {"vcs": "git", "commit_id": "abc", "requested_revision": "v1"},
            },
            VENV,
            "pip install 'evenpick[web] @ git+https://example.org/e.git@v1'",
        ),
        (None, "/home/ann/.local/share/pipx/venvs/evenpick", "pipx install --force 'evenpick[web]'"),
        (None, "/home/ann/.local/share/uv/tools/evenpick", "uv tool install --force 'evenpick[web]'"),
        (None, r"C:\Users\ann\pipx\venvs\evenpick", "pipx install --force 'evenpick[web]'"),
    ],
)
def test_an_extra_comes_from_where_evenpick_came_from(origin, prefix, command):
    assert command_for("web", origin and json.dumps(origin), prefix) == command
