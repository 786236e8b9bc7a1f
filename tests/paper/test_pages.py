"""The tables and figures as files, from rows that are made up."""

import itertools
import json
import os
import shutil
import subprocess
import sys

import pytest

from evenpick.paper.cell import FULL
from evenpick.paper.pages import write_pages
from evenpick.paper.results import FACTS, RESULTS, add_facts

pytestmark = pytest.mark.slow

ACQUISITIONS = {"random": 30, "ent": 20, "ms_inv": 40, "ent_inv_div": 50}


def accuracies(at):
    return {"corrected_accuracy": at, "accuracy": at - 5, "classes_found": 3, "imbalance_ratio": at / 100}


@pytest.fixture(scope="module")
def make_results():
    """Write results of data sets of these names into a folder: ent_inv_div is the best on each."""

    def make(folder, *names):
        rows = []
        for name in names:
            shared = {"data_set": name, "source": "tiny", "commit": "abc", "pool_share": 0.9}
            rows.append(
                {**shared, "acquisition": FULL, "balancing": None, "budget": 700, "seed": 0, **accuracies(90.0)}
            )
            for (acquisition, at), seed, balancing in itertools.product(
                ACQUISITIONS.items(), (0, 1), (None, "ratio_max")
            ):
                cell = {"acquisition": acquisition, "balancing": balancing, "budget": 500, "seed": seed}
                rows.append({**shared, **cell, **accuracies(at + seed)})
            sizes = {"classes": 101, "images": 700, "test_images": 9, "mean": 6.5, "std": 3.25, "imbalance_ratio": 0.5}
            add_facts(folder, name, {**sizes, "shares": [0.6, 0.3, 0.1]})
        (folder / RESULTS).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    return make


@pytest.fixture(scope="module")
def written(make_results, tmp_path_factory):
    """The folder of two data sets with their pages."""
    folder = make_results(tmp_path_factory.mktemp("written"), "mine", "other")
    write_pages(folder, {})
    return folder


def test_the_best_of_a_column_is_bold_in_markdown_and_latex_and_plain_in_csv(written):
    (line,) = [line for line in (written / "tables.md").read_text().splitlines() if "50.5 ± 6.4" in line][:1]
    assert line.split() == ["|", "ent_inv_div", "|", "**50.5", "±", "6.4**", "|"]
    in_tex = (written / "tables.tex").read_text()
    assert r"ent\_inv\_div & \textbf{50.5 $\pm$ 6.4} \\" in in_tex
    assert r"random & 30.5 $\pm$ 6.4 \\" in in_tex
    in_csv = (written / "csv" / "table-2-macro-accuracy-in-percent-mine-before-balancing.csv").read_text()
    assert in_csv.splitlines()[-1] == "ent_inv_div,50.5 ± 6.4"


def test_tables_of_results_that_are_gone_are_removed(written, make_results, tmp_path):
    folder = tmp_path / "fewer"
    shutil.copytree(written, folder)
    assert (folder / "csv" / "table-2-macro-accuracy-in-percent-other-before-balancing.csv").is_file()
    assert (folder / "critical-difference-none.svg").is_file()
    (folder / FACTS).unlink()
    make_results(folder, "mine")

    write_pages(folder, {})

    assert not list(folder.glob("csv/*other*"))
    assert not list(folder.glob("critical-difference-*"))  # ranks need two data sets


@pytest.mark.slow
def test_the_same_results_give_the_same_files_in_every_process(make_results, tmp_path):
    # Strings lie in sets in another order in each process, unless the seed of their hashes is set.
    folder = make_results(tmp_path, "mine", "other", "third")
    code = "import sys; from pathlib import Path; from evenpick.paper.pages import write_pages; write_pages(Path(sys.argv[1]), {})"
    found = []
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", code, str(folder)], env={**os.environ, "PYTHONHASHSEED": seed}, check=True
        )
        found.append({file.name: file.read_bytes() for file in folder.rglob("*.*")})

    assert "critical-difference-none.svg" in found[0]
    assert [name for name in found[0] if found[0][name] != found[1][name]] == []


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_the_latex_compiles(make_results, tmp_path):
    # As many sets, and names, as nobody should be surprised by.
    names = ["colours", "more", "c^d", r"e\f~g", "50%_{h}", "i", "j&#$"]
    folder = make_results(tmp_path, *names)
    write_pages(folder, {"colours": "food101", "more": "cifar100"})
    document = r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}\input{tables}\end{document}"
    (folder / "document.tex").write_text(document)

    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace",
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-2000:]
