"""The plots of docs/measured.md, by rows made by hand; and the page names the code that its figures are of."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "measured.md").read_text()


@pytest.fixture(scope="module")
def measured(import_benchmark):
    return import_benchmark("measured")


def commits(name):
    lines = (ROOT / "benchmarks" / f"{name}.jsonl").read_text().splitlines()
    return {json.loads(line).get("commit") for line in lines}


def test_labels_needed_are_read_off_by_the_logarithm(measured):
    budgets, accuracies = [100, 400, 1600], [40.0, 60.0, 50.0]

    assert measured.labels_needed(budgets, accuracies, 50.0) == pytest.approx(200)
    assert measured.labels_needed(budgets, accuracies, 60.0) == pytest.approx(400)
    assert measured.labels_needed(budgets, accuracies, 30.0) == 100
    assert measured.labels_needed(budgets, accuracies, 61.0) is None


def test_a_way_is_compared_seed_by_seed_and_only_where_all_was_run(measured):
    rows = [
        {"acquisition": way, "balancing": form, "set": name, "budget": 100, "seed": seed, "accuracy": 50 + ahead + seed}
        for way, form, ahead in (("auto", "auto", 4), ("random", None, 0), ("k_means", None, 6))
        for name in ("elpv", "food")
        for seed in range(5)
        if (way, seed, name) != ("k_means", 4, "food")
    ]

    assert measured.ahead_of(rows) == [("random", 4.0, 4.0, 4.0)]


def test_intervals_that_hold_are_counted_with_their_ends(measured):
    value = {"macro_open": [0.5, 0.5, 0.4, 0.6], "accuracy": [0.1, 0.5, 0.4, 0.6], "missing_mass": [0.4, 0.5, 0.4, 0.6]}
    rows = [{"macro": [0.7, 0.5, 0.4, 0.6], "recalls": [[0.6, 0.5, 0.4, 0.6], [0.3, 0.5, 0.4, 0.6]], **value}] * 2

    held = {name: (share, low, high) for name, share, low, high in measured.held_of(rows)}

    assert held["share of images of classes not found (n = 2)"] == pytest.approx((100, 15.811, 100), abs=1e-3)
    assert held["recall of a class (n = 4)"][0] == 50
    assert held["accuracy over all classes (n = 2)"][0] == 0


def test_the_page_names_commits_that_its_figures_are_of():
    assert "22893d8" in commits("choosing")
    assert commits("audit") == {"90c8c74"}
    assert re.findall(r"commit (\w{7})", PAGE) == ["22893d8", "90c8c74"]


def test_the_figures_of_the_page_are_those_of_the_plots(measured, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measured, "IMAGES", tmp_path)
    monkeypatch.setattr(sys, "argv", ["measured.py"])
    measured.main()

    said = capsys.readouterr().out
    assert "500 at random, 148 by auto" in said
    assert "2,000 at random, 894 by auto" in said
    held = [float(share) for share in re.findall(r"\(n = \d+\): ([\d.]+)", said)]
    assert (round(min(held)), round(max(held))) == (88, 97)
    assert {path.name for path in tmp_path.iterdir()} == set(re.findall(r"measured-\w+\.svg", PAGE))
