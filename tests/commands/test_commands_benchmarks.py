"""`evenpick benchmark` as a person types it."""

import shutil

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def labelled_sets(tmp_path, photo_folder):
    """A data set of the twelve photographs: their two folders are its classes."""
    data = tmp_path / "data"
    shutil.copytree(photo_folder, data / "photos")
    return data


@pytest.mark.slow
def test_the_papers_benchmark_runs_resumes_and_writes_its_tables(evenpick, labelled_sets, tmp_path, source_cache):
    options = ["benchmark", "paper", tmp_path / "bench", "--data", labelled_sets, "--only", "random,ent_inv_div"]
    options += ["--budgets", "4,6", "--seeds", 2, "--partner", "photos=mit67", "--processes", 1]

    assert "17 cells run now" in evenpick(*options)
    told = evenpick(*options)

    assert "0 cells run now" in told
    for name in ("tables.md", "tables.csv", "tables.tex", "figure-1.svg", "figure-1.png"):
        assert str(tmp_path / "bench" / name) in told
        assert (tmp_path / "bench" / name).stat().st_size > 0
    assert "Written" in evenpick("benchmark", "paper", tmp_path / "bench")
    assert "Table 3: macro accuracy" in (tmp_path / "bench" / "tables.md").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data", "{data}", "--only", "entropy"], "acquisition 'entropy' does not exist"),
        (["--data", "{data}", "--balancing", "both"], "balancing 'both' does not exist"),
        (["--data", "{data}", "--budgets", "5,x"], "--budgets must be whole numbers from 1 on"),
        (["--data", "{data}", "--budgets", "500"], "a budget of 500 needs as many images"),
        (["--data", "{data}", "--sets", "food101"], "get food-101.tar.gz from"),
        (["--data", "{data}/nowhere"], "does not exist; it should hold a folder for each data set"),
        (
            ["--data", "{data}", "--partner", "food=mit67"],
            "partner 'food=mit67': it must be a data set of the results (photos)",
        ),
        (["--partner", "photos"], "--partner must be SET=PRINTED"),
        ([], "no cell of the benchmark is done yet"),
    ],
)
def test_a_benchmark_that_cannot_run_says_why(evenpick, labelled_sets, tmp_path, source_cache, options, words):
    named = [option.format(data=labelled_sets) for option in options]

    assert words in evenpick("benchmark", "paper", tmp_path / "bench", *named, code=1)
