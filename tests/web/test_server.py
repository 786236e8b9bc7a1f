"""The server: its port, its token, one server a workspace, and what it says when it cannot start."""

import os
import re
import signal
import socket
import subprocess
import sys

import httpx2 as httpx
import pytest
from filelock import FileLock

from evenpick.errors import EvenpickError
from evenpick.installing import install_command
from evenpick.pool import Pool
from evenpick.session import RecordedSession
from evenpick.web import serve


def test_a_port_that_is_taken_is_told(make_workspace):
    workspace = make_workspace()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(EvenpickError, match=r"cannot listen at 127\.0\.0\.1, port .*--port 0"):
            serve(workspace, Pool.open(workspace), 5, port=other.getsockname()[1], open_browser=False)


def test_a_workspace_is_labelled_by_one_server_at_a_time(make_workspace):
    workspace = make_workspace()
    with FileLock(workspace / "label.lock"), pytest.raises(EvenpickError, match="labelled by another process"):
        serve(workspace, Pool.open(workspace), 5, open_browser=False)


@pytest.mark.parametrize("token", ["short", "a token; with, blanks", "t" * 15])
def test_a_weak_token_is_refused(make_workspace, token):
    workspace = make_workspace()
    with pytest.raises(EvenpickError, match="a token must have 16 or more"):
        serve(workspace, Pool.open(workspace), 5, token=token, open_browser=False)


def test_photographs_that_are_gone_are_told(make_workspace, make_pool, tmp_path):
    workspace = make_workspace()
    pool = Pool.open(workspace)
    pool.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(EvenpickError, match="of the pool does not exist; mount it or move it back"):
        serve(workspace, pool, 5, port=0, open_browser=False)
    with pytest.raises(EvenpickError, match="has no folder of photographs"):
        serve(workspace, make_pool(), 5, port=0, open_browser=False)


@pytest.mark.slow
@pytest.mark.parametrize("is_there", [True, False])
def test_label_says_why_images_cannot_be_found_by_words_where_they_could(lynx_to_snow, tmp_path, is_there):
    workspace = lynx_to_snow()
    if not is_there:
        (tmp_path / "pair" / "text_model.onnx").unlink()
    code = f"import evenpick; evenpick.Workspace({str(workspace)!r}).label(3, port=0, open_browser=False)"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        said = []
        while not said or not said[-1].startswith("Label here:"):
            said.append(server.stdout.readline())
            assert said[-1]
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        server.stdout.close()

    if is_there:
        assert len(said) == 1
    else:
        missing = f"text encoder file '{tmp_path}/pair/text_model.onnx' does not exist: put it there, or run"
        assert said[0].startswith(f"Images cannot be found by words: {missing} `evenpick embed` with")
        assert len(said) == 2


@pytest.mark.slow
def test_without_the_extra_the_command_says_which_pip_line_brings_it(make_workspace):
    code = (
        "import sys; sys.modules['starlette'] = None\n"
        "from evenpick.cli import main\n"
        f"main(['label', {str(make_workspace())!r}, '--budget', '3', '--no-browser'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert run.returncode == 1
    assert run.stderr == (f"Error: the labelling page needs an extra that is not installed: {install_command('web')}\n")


@pytest.mark.slow
def test_the_printed_address_holds_the_token_that_every_visitor_needs(make_workspace):
    command = [sys.executable, "-m", "evenpick", "label", str(make_workspace()), "--budget", "3", "--no-browser"]
    command += ["--host", "0.0.0.0", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().split()[-1]
        port, token = re.search(r":(\d+)/\?token=([\w-]{32})$", address).groups()
        local = f"http://127.0.0.1:{port}/"
        assert httpx.get(local).status_code == 401
        assert httpx.get(f"{local}?token={token}").status_code == 200
        assert httpx.get(f"{local}?token={token}", headers={"host": "evil.example"}).status_code == 403
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


@pytest.mark.slow
def test_an_audit_says_how_far_it_is_and_what_the_budget_grows_to(make_workspace):
    workspace = make_workspace()
    with RecordedSession(workspace, Pool.open(workspace), 3) as session:
        for _ in range(3):
            session.label(session.next(), "a")
    command = [
        sys.executable,
        "-m",
        "evenpick",
        "audit",
        str(workspace),
        "--labels",
        "2",
        "--no-browser",
        "--port",
        "0",
    ]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        said = server.stdout.readline()
        assert said == "0 of 2 audit labels are there. The budget grows from 3 to 5 labels.\n"
        assert "Label here" in server.stdout.readline()
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()
    with RecordedSession(workspace, Pool.open(workspace)) as session:
        assert session.session.ask().chance is not None
