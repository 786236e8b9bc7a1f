"""Tables 1 to 5 of the paper from the rows of a benchmark, beside the printed values.

The printed values are those of Aggarwal, Popescu & Hudelot (WACV 2020). Their row `ms` behaves like inverted
margin, so it stands beside our `ms_inv`, and our `ms` has no partner.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ..acquisition import ACQUISITIONS
from ..errors import EvenpickError
from ..metrics import g_al, mean_interval
from .cell import FULL
from .method_comparison import Difference, differences, shared

PRINTED = Path(__file__).with_name("printed_tables.csv")
NONE = "none"  # the name of no balancing

_DIGITS = {"corrected_accuracy": 1, "accuracy": 1, "classes_found": 1, "imbalance_ratio": 3}
_TABLE_1 = {"classes": 0, "images": 0, "mean": 2, "std": 2, "imbalance_ratio": 3}
_ALIKE = ["data_set", "budget", "seed"]  # what two runs share that are compared


@dataclass(frozen=True)
class Table:
    """A caption and cells as text; `best` names the cells (row, column) that are the best of their column."""

    caption: str
    frame: pd.DataFrame
    best: frozenset[tuple[int, str]] = frozenset()


@dataclass(frozen=True)
class Results:
    """The rows of a benchmark as tables.

    Attributes
    ----------
    runs : DataFrame
        A row a cell, without those of all labels.
    full : DataFrame
        The cells of all labels, by data set.
    facts : mapping
        Sizes of each data set.
    printed : DataFrame
        What the paper prints: table, acquisition, balancing, dataset, budget, measure, value.
    partners : mapping of str to str
        Which printed data set each of ours stands beside.
    """

    runs: pd.DataFrame
    full: pd.DataFrame
    facts: Mapping[str, Any]
    printed: pd.DataFrame
    partners: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], partners: Mapping[str, str]) -> "Results":
        """From what `paper_grid` reads; a set that has a printed name is its own partner."""
        printed = _printed()
        known = check_partners(partners, facts)
        if all(row["acquisition"] == FULL for row in rows):
            raise EvenpickError("no cell of the benchmark is done yet: run it with --data first")
        cells = pd.DataFrame(list(rows))
        cells["balancing"] = cells.balancing.fillna(NONE)
        # Rows come as they were done; tables come in the order of the functions' own table.
        place = {name: place for place, name in enumerate([*ACQUISITIONS, FULL])}
        cells = cells.sort_values(
            ["data_set", "acquisition", "balancing", "budget", "seed"],
            key=lambda column: column.map(place) if column.name == "acquisition" else column,
        )
        is_full = cells.acquisition == FULL
        own = {name: name for name in facts if name in known}
        return cls(cells[~is_full], cells[is_full].set_index("data_set"), facts, printed, own | dict(partners))

    def pivot(self, measure: str, balancing: str) -> pd.DataFrame:
        """A row for each data set, budget and seed; a column for each acquisition function."""
        here = self.runs[self.runs.balancing == balancing]
        order = here.acquisition.unique()
        return here.pivot(index=_ALIKE, columns="acquisition", values=measure)[order]

    @property
    def balancings(self) -> list[str]:
        """Those that were run, none first."""
        return sorted(self.runs.balancing.unique(), key=lambda name: (name != NONE, name))


def check_partners(partners: Mapping[str, str], names: Collection[str]) -> list[str]:
    """The paper's data sets; refuses a partner that is none of them, or that is not one of ours."""
    known = sorted(set(_printed().dataset) - {"all"})
    for ours, partner in partners.items():
        if ours not in names or partner not in known:
            raise EvenpickError(
                f"partner '{ours}={partner}': it must be a data set of the results ({', '.join(names)}) "
                f"= one of the paper's ({', '.join(known)})"
            )
    return known


def _printed() -> pd.DataFrame:
    """The printed values under our names: acquisition, balancing and measure."""
    printed = pd.read_csv(PRINTED, dtype={"budget": str})
    printed["acquisition"] = printed.acquisition.replace({"ms": "ms_inv"})
    printed["balancing"] = printed.balancing.map({0: NONE, 1: "ratio_max"})
    printed["measure"] = printed.measure.replace({"accuracy": "corrected_accuracy"})
    return printed


def summary(results: Results) -> pd.DataFrame:
    """Mean and 95 % interval over seeds of every measure, and the printed value where there is one."""
    keys = ["data_set", "acquisition", "balancing", "budget"]
    long = results.runs.melt([*keys, "seed"], list(_DIGITS), "measure")
    grouped = long.groupby([*keys, "measure"], sort=False).value
    found = grouped.agg(["mean", "size"]).rename(columns={"size": "seeds"})
    found["half_width"] = grouped.agg(lambda values: mean_interval(values)[1])
    found = found.reset_index()
    printed = results.printed.rename(columns={"value": "printed", "dataset": "partner"})
    printed = printed[printed.budget.fillna("all") != "all"].astype({"budget": int})
    found["partner"] = found.data_set.map(lambda name: results.partners.get(name, ""))
    shared = ["partner", "acquisition", "balancing", "budget", "measure"]
    found = found.merge(printed[[*shared, "printed"]], "left", shared)
    found["difference"] = found["mean"] - found.printed
    return found[[*keys, "measure", "mean", "half_width", "seeds", "partner", "printed", "difference"]].round(4)


def all_tables(results: Results) -> list[Table]:
    """Tables 1 to 5 in the order of the paper, then what is compared."""
    means = summary(results)
    tables = [_table_1(results)]
    for number, measures in ((2, ("corrected_accuracy", "accuracy")), (4, ("classes_found", "imbalance_ratio"))):
        for balancing in results.balancings:
            which = f"Table {number + (balancing != NONE)}"
            for measure in measures:
                tables += [
                    _table_of(which, part, balancing, measure, name)
                    for name, part in means[(means.balancing == balancing) & (means.measure == measure)].groupby(
                        "data_set", sort=False
                    )
                ]
            if number == 2:
                tables.append(_g_al_table(results, balancing, which))
    return [*tables, *_comparisons(results), _rank_agreement(results, means)]


def _table_1(results: Results) -> Table:
    rows = []
    for name, facts in results.facts.items():
        row = {"data set": name} | {key: f"{facts[key]:.{digits}f}" for key, digits in _TABLE_1.items()}
        if partner := results.partners.get(name):
            here = results.printed[(results.printed.table == 1) & (results.printed.dataset == partner)]
            values = here.set_index("measure").value
            row |= {f"printed {key}": f"{values[key]:.{digits}f}" for key, digits in _TABLE_1.items()}
        rows.append(row)
    return Table("Table 1: labels of each class in the pool", pd.DataFrame(rows).fillna(""))


_WORDS = {
    "corrected_accuracy": "macro accuracy in percent",
    "accuracy": "macro accuracy in percent without prior correction",
    "classes_found": "classes found",
    "imbalance_ratio": "imbalance ratio of the labels",
}


def _table_of(which: str, means: pd.DataFrame, balancing: str, measure: str, name: str) -> Table:
    """A row for each acquisition function; for each budget ours, the printed value and the difference."""
    digits = _DIGITS[measure]
    rows: dict[str, dict[str, str]] = {}
    best: set[tuple[int, str]] = set()
    for budget, part in means.groupby("budget"):
        column = f"{budget} labels"
        top = part["mean"].min() if measure == "imbalance_ratio" else part["mean"].max()
        for entry in part.itertuples():
            row = rows.setdefault(entry.acquisition, {"acquisition": entry.acquisition})
            row[column] = _with_interval(entry.mean, entry.half_width, digits)
            if part.printed.notna().any():
                shown = np.isfinite(entry.printed)
                row[f"printed, {budget}"] = f"{entry.printed:.{digits}f}" if shown else ""
                row[f"ours less printed, {budget}"] = f"{entry.difference:+.{digits}f}" if shown else ""
            if entry.mean == top:
                best.add((list(rows).index(entry.acquisition), column))
    step = "before balancing" if balancing == NONE else f"with balancing ({balancing})"
    return Table(f"{which}: {_WORDS[measure]}, {name}, {step}", pd.DataFrame(rows.values()).fillna(""), frozenset(best))


def _with_interval(mean: float, half: float, digits: int) -> str:
    return f"{mean:.{digits}f}" + (f" ± {half:.{digits}f}" if np.isfinite(half) else "")


def _g_al_table(results: Results, balancing: str, which: str) -> Table:
    """G_AL of each function over all data sets and budgets, each seed once; printed: over the paper's four sets."""
    printed = results.printed[(results.printed.measure == "g_al") & (results.printed.balancing == balancing)]
    of_paper = printed.set_index("acquisition").value
    means, rows = {}, []
    for name, runs in _g_al_of_seeds(results, balancing).items():
        means[name], half = mean_interval(runs)
        rows.append(
            {
                "acquisition": name,
                "G_AL": _with_interval(means[name], half, 3),
                "printed, the paper's sets": f"{of_paper[name]:.3f}" if name in of_paper else "",
            }
        )
    top = max(means, key=lambda name: means[name]) if means else ""
    best = frozenset((row, "G_AL") for row, name in enumerate(means) if name == top)
    return Table(f"{which}: G_AL (Eq. 10) over {', '.join(_with_room(results)) or 'no set'}", pd.DataFrame(rows), best)


def _with_room(results: Results) -> list[str]:
    """The data sets on which all labels are not yet perfect: elsewhere Eq. 10 divides by 0."""
    return [str(name) for name in results.full.index[results.full.corrected_accuracy < 100]]


def _g_al_of_seeds(results: Results, balancing: str) -> dict[str, list[float]]:
    """G_AL of each acquisition function (`shared` ones) for every seed that ran all data sets and budgets."""
    runs = results.pivot("corrected_accuracy", balancing)
    runs = runs[runs.index.get_level_values("data_set").isin(_with_room(results))]
    grid = shared(runs.groupby(level=["data_set", "budget"]).mean())
    full = results.full.corrected_accuracy.loc[grid.index.get_level_values("data_set")].to_numpy()
    found: dict[str, list[float]] = {}
    for _, of_seed in runs.groupby(level="seed"):
        values = of_seed.droplevel("seed").reindex(index=grid.index, columns=grid.columns).dropna(axis=1)
        for name in values if len(values) else []:
            found.setdefault(name, []).append(g_al(values[name].to_numpy(), full))
    return found


def _comparisons(results: Results) -> list[Table]:
    """Every function against random, and what balancing adds to each, with and without prior correction."""
    tables = []
    for measure in ("corrected_accuracy", "accuracy"):
        plain = results.pivot(measure, NONE) if NONE in results.balancings else None
        if plain is not None and "random" in plain:
            others = differences(plain.drop(columns="random"), plain["random"])
            tables.append(_differences_table(f"Ahead of random before balancing, {_WORDS[measure]}", others))
        for balancing in results.balancings:
            if balancing != NONE and plain is not None:
                added = differences(results.pivot(measure, balancing), plain)
                tables.append(_differences_table(f"What balancing ({balancing}) adds, {_WORDS[measure]}", added))
    return tables


def _differences_table(caption: str, found: Mapping[str, Difference]) -> Table:
    rows = [
        {
            "acquisition": name,
            "difference": f"{d.mean:+.1f}" + (f" ± {d.half_width:.1f}" if np.isfinite(d.half_width) else ""),
            "p (Wilcoxon, Holm)": f"{d.p:.2g}",
            "better in": f"{d.wins} of {d.pairs}",
        }
        for name, d in found.items()
    ]
    return Table(caption, pd.DataFrame(rows))


def _rank_agreement(results: Results, means: pd.DataFrame) -> Table:
    """Spearman's rho between our order of the functions and the printed order."""
    rows = []
    for balancing in results.balancings:
        here = means[(means.balancing == balancing) & (means.measure == "corrected_accuracy")]
        for name, part in here[here.printed.notna()].groupby("data_set", sort=False):
            ours = shared(part.pivot(index="budget", columns="acquisition", values="mean"))
            printed = part.pivot(index="budget", columns="acquisition", values="printed").loc[ours.index, ours.columns]
            rows.append(_rho(f"{name} beside {results.partners[str(name)]}", balancing, ours.mean(), printed.mean()))
        of_sets = pd.Series({k: np.mean(v) for k, v in _g_al_of_seeds(results, balancing).items()}, dtype=float)
        of_paper = results.printed[(results.printed.measure == "g_al") & (results.printed.balancing == balancing)]
        both = pd.concat([of_sets, of_paper.set_index("acquisition").value], axis=1, join="inner")
        rows.append(_rho("G_AL beside that of the paper's sets", balancing, both.iloc[:, 0], both.iloc[:, 1]))
    return Table(
        "Rank agreement: Spearman's rho between our order of the functions and the printed one", pd.DataFrame(rows)
    )


def _rho(what: str, balancing: str, ours: pd.Series, printed: pd.Series) -> dict[str, str]:
    ordered = len(ours) > 2 and min(ours.nunique(), printed.nunique()) > 1  # else there is no order
    rho = f"{stats.spearmanr(ours, printed).statistic:+.2f}" if ordered else ""
    return {"over": what, "balancing": balancing, "functions": str(len(ours)), "rho": rho}
