"""Progress bars: in a terminal and in a notebook, and none elsewhere."""

import sys
import time
from types import SimpleNamespace

import pytest

from evenpick.progress import bar, by_name, named_bars, progress_bars


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def notebook(monkeypatch):
    """What IPython offers of a notebook's cell: the outputs, each with what replaced it last."""
    outputs = []

    def display(look, display_id):
        assert display_id is True
        outputs.append([look])
        return SimpleNamespace(update=outputs[-1].append)

    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(HTML=str, display=display))
    return outputs


def test_a_bar_shows_how_fast_it_goes_and_the_loss(capsys, terminal):
    with progress_bars() as begin:
        move = begin("embedding", "images")
        begin("never begun", "images")
        move(0, 40)
        time.sleep(0.6)
        move(20, 40, 0.25)

    told = capsys.readouterr().err
    assert "embedding" in told
    assert "20/40" in told
    assert "images/s, loss 0.25" in told
    assert "never begun" not in told


def test_elsewhere_there_is_none(capsys):
    with progress_bars() as begin:
        begin("embedding", "images")(20, 40)
    with bar(None, "embedding", "images") as move, named_bars(None, "steps") as named:
        move(1, 2)
        named("svm", 1, 2)

    assert capsys.readouterr() == ("", "")


def test_what_a_caller_gives_is_told_and_no_bar_is_shown(capsys, terminal):
    def own(done, total):
        raise AssertionError

    with bar(own, "embedding", "images") as move:
        assert move is own

    assert capsys.readouterr() == ("", "")


def test_a_notebook_gets_one_output_a_bar_that_is_replaced_and_ends_full(notebook):
    with bar(None, "embedding", "<images>") as move:
        for done in range(101):
            move(done, 100)

    (looks,) = notebook
    assert len(looks) < 5, "at most four a second, and the last"
    assert looks[-1].startswith('<progress value="100" max="100" aria-label="embedding">')
    assert "embedding 100/100" in looks[-1]
    assert "<images>" not in looks[-1]


def test_nothing_to_do_shows_nothing_in_a_notebook(notebook):
    with bar(None, "embedding", "images") as move:
        move(0, 0)

    assert notebook == []


def test_each_name_has_a_bar_and_a_new_one_when_it_begins_again():
    begun, moves = [], []

    def begin(what, unit):
        begun.append((what, unit))
        return lambda done, total: moves.append((what, done, total))

    move = by_name(begin, "steps")
    for name, done in (("svm", 0), ("svm", 1), ("nearest_mean", 1), ("svm", 0)):
        move(name, done, 2)

    assert begun == [("svm", "steps"), ("nearest_mean", "steps"), ("svm", "steps")]
    assert moves == [("svm", 0, 2), ("svm", 1, 2), ("nearest_mean", 1, 2), ("svm", 0, 2)]
