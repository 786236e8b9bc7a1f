"""The token of a workspace, and who can read it and the record."""

import os
import stat

import pytest

from evenpick.errors import EvenpickError
from evenpick.labels import LabelStore
from evenpick.web.tokens import workspace_token


@pytest.fixture
def open_umask():
    """Files are made readable to all, unless they are made otherwise."""
    before = os.umask(0o000)
    yield
    os.umask(before)


def mode(file):
    return stat.S_IMODE(file.stat().st_mode)


@pytest.mark.skipif(os.name == "nt", reason="no modes of files")
def test_the_token_is_drawn_once_and_only_its_owner_can_read_it(tmp_path, open_umask):
    token = workspace_token(tmp_path, None)

    assert len(token) == 32
    assert workspace_token(tmp_path, None) == token
    assert mode(tmp_path / "label.token") == 0o600


def test_another_workspace_has_another_token(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    assert workspace_token(tmp_path / "a", None) != workspace_token(tmp_path / "b", None)


def test_a_token_that_is_given_is_kept(tmp_path):
    workspace_token(tmp_path, None)
    workspace_token(tmp_path, "a-token-of-some-length")

    assert workspace_token(tmp_path, None) == "a-token-of-some-length"
    with pytest.raises(EvenpickError, match="a token must have 16 or more"):
        workspace_token(tmp_path, "weak")
    assert workspace_token(tmp_path, None) == "a-token-of-some-length"


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 40])
def test_a_file_that_holds_no_token_is_replaced(tmp_path, content):
    (tmp_path / "label.token").write_bytes(content)

    token = workspace_token(tmp_path, None)

    assert (tmp_path / "label.token").read_text() == token
    assert len(token) == 32


@pytest.mark.skipif(os.name == "nt", reason="no modes of files")
def test_only_its_owner_can_read_a_new_record(make_workspace, open_umask):
    workspace = make_workspace()
    with LabelStore(workspace):
        assert {mode(file) for file in workspace.glob("labels.sqlite*")} == {0o600}
