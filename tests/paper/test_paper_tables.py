import numpy as np
import pytest

from evenpick import EvenpickError
from evenpick.metrics import g_al
from evenpick.paper.cell import FULL
from evenpick.paper.tables import PRINTED, Results, all_tables, summary

pytestmark = pytest.mark.slow

FACTS = {
    name: {"classes": 101, "images": 700, "test_images": 9, "mean": 6.5, "std": 3.25, "imbalance_ratio": 0.5, "shares": [1]}
    for name in ("mine", "other")
}  # fmt: skip
BASE = {"random": 30, "ent": 20, "ms": 21, "ms_inv": 40, "ent_inv_div": 50}


def rows(names=("mine", "other"), budgets=(500, 1000), seeds=2):
    """Accuracies that can be added up by hand: base + seed, +1 for the larger budget, +10 for balancing."""
    found = []
    for name in names:
        shared = {"data_set": name, "source": "tiny", "commit": "abc", "pool_share": 0.9}
        measured = {"classes_found": 3, "imbalance_ratio": 0.25, "accuracy": 80.0, "corrected_accuracy": 90.0}
        found.append({**shared, "acquisition": FULL, "balancing": None, "budget": 700, "seed": 0, **measured})
        for seed in range(seeds):
            for at, budget in enumerate(budgets):
                for acquisition, base in BASE.items():
                    for balancing in (None, "ratio_max"):
                        accuracy = base + seed + at + (10 if balancing else 0)
                        cell = {"acquisition": acquisition, "balancing": balancing, "budget": budget, "seed": seed}
                        values = {"corrected_accuracy": accuracy, "accuracy": accuracy - 5, "classes_found": base}
                        found.append({**shared, **cell, **values, "imbalance_ratio": base / 100})
    return found


def table(tables, *words):
    (found,) = [t for t in tables if all(word in t.caption for word in words)]
    return found


@pytest.fixture(scope="module")
def tables():
    """Those of all rows; nothing changes them."""
    return all_tables(Results.of(rows(), FACTS, {"mine": "food101"}))


def test_means_and_intervals_stand_beside_the_printed_values(tables):
    found = table(tables, "Table 2: macro accuracy in percent, mine")
    by_name = found.frame.set_index("acquisition")

    assert by_name.loc["random", "500 labels"] == "30.5 ± 6.4"  # 30 and 31: t(0.975, 1) * 0.5
    assert by_name.loc["random", "printed, 500"] == "23.0"
    assert by_name.loc["random", "ours less printed, 500"] == "+7.5"
    assert by_name.loc["ent_inv_div", "1000 labels"] == "51.5 ± 6.4"


def test_the_printed_ms_stands_beside_our_ms_inv(tables):
    by_name = table(tables, "Table 2: macro accuracy in percent, mine").frame.set_index("acquisition")

    assert by_name.loc["ms", "printed, 500"] == ""
    assert by_name.loc["ms_inv", "printed, 500"] == "8.5"


def test_the_best_of_a_column_is_marked_the_lowest_imbalance_among_them(tables):
    names = list(table(tables, "Table 2: macro accuracy in percent, mine").frame.acquisition)
    best = table(tables, "Table 2: macro accuracy in percent, mine").best
    assert best == {(names.index("ent_inv_div"), "500 labels"), (names.index("ent_inv_div"), "1000 labels")}
    assert table(tables, "Table 4: imbalance ratio of the labels, mine").best == {
        (names.index("ent"), "500 labels"), (names.index("ent"), "1000 labels"),
    }  # fmt: skip


def test_a_set_without_a_partner_has_no_printed_column(tables):
    assert list(table(tables, "Table 2: macro accuracy in percent, other").frame.columns) == [
        "acquisition", "500 labels", "1000 labels",
    ]  # fmt: skip


def test_g_al_is_that_of_equation_10_over_all_sets_and_budgets(tables):
    by_name = table(tables, "Table 2: G_AL").frame.set_index("acquisition")
    of_seed = [g_al([30 + s, 31 + s, 30 + s, 31 + s], 90) for s in (0, 1)]

    assert by_name.loc["random", "G_AL"].startswith(f"{np.mean(of_seed):.3f} ±")
    assert by_name.loc["random", "printed, the paper's sets"] == "-0.792"
    assert (
        table(tables, "Table 3: G_AL").frame.set_index("acquisition").loc["random", "printed, the paper's sets"]
        == "-0.653"
    )


def test_what_balancing_adds_is_paired(tables):
    found = table(tables, "What balancing (ratio_max) adds", "percent without prior correction").frame

    assert set(found.difference) == {"+10.0 ± 0.0"}
    assert set(found["better in"]) == {"4 of 4"}  # two data sets, two seeds


def test_rank_agreement_is_spearmans_over_the_functions_that_are_printed(tables):
    found = table(tables, "Rank agreement").frame.set_index(["over", "balancing"])

    # Ours, lowest first: ent, random, ms_inv, ent_inv_div. Food-101: ms, ent, ent_inv_div, random; G_AL: ent, ms,
    # random, ent_inv_div. rho = 1 - 6 * sum(d^2) / (4 * 15), with sums of 10 and 2.
    of_set = found.loc[("mine beside food101", "none")]
    of_g_al = found.loc[("G_AL beside that of the paper's sets", "none")]
    assert (of_set["functions"], of_g_al["functions"]) == ("4", "4")
    assert float(of_set["rho"]) == pytest.approx(0)
    assert float(of_g_al["rho"]) == pytest.approx(0.8)


def test_one_more_budget_of_one_function_changes_no_other_number(tables):
    more = [
        {**row, "budget": 4000, "corrected_accuracy": 99.0}
        for row in rows()
        if row["acquisition"] == "random" and row["budget"] == 1000
    ]

    after = all_tables(Results.of(rows() + more, FACTS, {"mine": "food101"}))

    for words in ("Table 2: G_AL", "Table 3: G_AL", "Rank agreement"):
        assert table(after, words).frame.equals(table(tables, words).frame)


def test_a_function_that_was_run_only_with_balancing_is_not_compared():
    found = [row for row in rows() if row["acquisition"] != "ent" or row["balancing"]]

    tables = all_tables(Results.of(found, FACTS, {}))

    added = table(tables, "What balancing (ratio_max) adds", "percent without prior correction").frame
    assert "ent" not in set(added.acquisition)


def test_equal_accuracies_have_no_order():
    same = [row | {"corrected_accuracy": 50.0} for row in rows()]

    found = table(all_tables(Results.of(same, FACTS, {"mine": "food101"})), "Rank agreement").frame

    assert set(found.rho) == {""}


def test_table_1_is_printed_to_the_papers_digits(tables):
    row = table(tables, "Table 1").frame.set_index("data set").loc["mine"]

    assert (row["mean"], row["std"], row["imbalance_ratio"]) == ("6.50", "3.25", "0.500")
    assert (row["printed mean"], row["printed std"], row["printed imbalance_ratio"]) == ("227.28", "180.31", "0.793")


def test_a_half_done_grid_gives_tables_of_what_is_done():
    done = [row for row in rows() if row["data_set"] == "mine" and row["seed"] == 0 and row["budget"] == 500][:4]

    found = all_tables(Results.of(done, FACTS, {}))

    assert table(found, "Table 2: macro accuracy in percent, mine").frame.iloc[0]["500 labels"] == "30.0"


def test_a_set_that_all_labels_solve_has_no_part_in_g_al():
    perfect = [
        row | {"corrected_accuracy": 100.0} if row["data_set"] == "other" and row["acquisition"] == FULL else row
        for row in rows()
    ]

    found = all_tables(Results.of(perfect, FACTS, {}))

    assert table(found, "Table 2: G_AL").caption.endswith("over mine")


def test_a_data_set_with_a_printed_name_is_its_own_partner():
    results = Results.of(rows(names=("mit67",)), {"mit67": FACTS["mine"]}, {})

    assert summary(results).printed.notna().any()


@pytest.mark.parametrize("partners", [{"yours": "food101"}, {"mine": "food"}])
def test_a_partner_that_does_not_exist_is_refused(partners):
    with pytest.raises(EvenpickError, match=r"must be a data set of the results \(mine, other\) = one of the paper's"):
        Results.of(rows(), FACTS, partners)


def test_tables_need_a_row():
    for none in ([], [row for row in rows() if row["acquisition"] == FULL]):
        with pytest.raises(EvenpickError, match="no cell of the benchmark is done yet"):
            Results.of(none, FACTS, {})


def test_the_printed_values_are_those_of_the_paper(shared):
    assert PRINTED.read_bytes() == (shared / "paper" / "tables.csv").read_bytes()
