"""Methods compared in pairs: the same pool, seed and classifier on both sides.

What is compared are tables of runs: a row for each data set, budget and seed (levels of the index), a column for
each method, nan where a method has no run.
"""

from dataclasses import dataclass

import pandas as pd
from scipy import stats

from ..metrics import mean_interval


@dataclass(frozen=True)
class Difference:
    """How far one method is ahead of another.

    Attributes
    ----------
    mean, half_width : float
        Of the difference in percent points, and of its 95 % t interval over seeds, each seed's mean over its
        data sets and budgets counting once.
    p : float
        Of Wilcoxon's signed-rank test over the pairs, corrected by Holm for the family of differences.
    pairs, wins : int
        A pair is one seed on one data set, its budgets averaged: the smaller are often part of the larger.
    """

    mean: float
    half_width: float
    p: float
    pairs: int
    wins: int


def differences(ahead: pd.DataFrame, behind: pd.DataFrame | pd.Series) -> dict[str, Difference]:
    """Each column of `ahead` less that of the same name in `behind`, or less `behind` itself if that is one method.

    Pairs of one data set share its images: p speaks of these data sets, not of others.
    """
    from statsmodels.stats.multitest import multipletests

    paired = {}
    for name in (
        ahead.columns if isinstance(behind, pd.Series) else ahead.columns.intersection(behind.columns, sort=False)
    ):
        values = (ahead[name] - (behind if isinstance(behind, pd.Series) else behind[name])).dropna()
        if len(values):
            paired[name] = values.groupby(level=["data_set", "seed"]).mean()
    raw = [1.0 if (values == 0).all() else float(stats.wilcoxon(values).pvalue) for values in paired.values()]
    corrected = multipletests(raw, method="holm")[1] if raw else []
    found = {}
    for (name, values), p in zip(paired.items(), corrected, strict=True):
        mean, half = mean_interval(values.groupby(level="seed").mean())
        found[name] = Difference(mean, half, float(p), len(values), int((values > 0).sum()))
    return found


def shared(table: pd.DataFrame) -> pd.DataFrame:
    """The part without gaps: rows that at least half of the methods have, and of these methods those that have them all.

    So that one method run beyond the grid does not put out all others.
    """
    return table[table.notna().mean(axis=1) >= 0.5].dropna(axis=1)


def ranks(runs: pd.DataFrame) -> pd.DataFrame:
    """Rank of each method on each data set, 1 being best, by its mean over budgets and seeds (`shared` ones)."""
    means = shared(runs.groupby(level=["data_set", "budget"]).mean()).groupby(level="data_set").mean()
    return means.rank(axis=1, ascending=False)


def friedman(of_ranks: pd.DataFrame) -> float:
    """p that no method differs from the others, of three methods or more; from `ranks`."""
    return float(stats.friedmanchisquare(*of_ranks.to_numpy().T).pvalue)


def nemenyi(of_ranks: pd.DataFrame) -> pd.DataFrame:
    """p of Nemenyi's test after Friedman's, for each pair of methods (Demsar, 2006); from `ranks`."""
    import scikit_posthocs

    found: pd.DataFrame = scikit_posthocs.posthoc_nemenyi_friedman(of_ranks.to_numpy())
    return found.set_axis(of_ranks.columns, axis=0).set_axis(of_ranks.columns, axis=1)
