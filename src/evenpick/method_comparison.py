"""Methods compared in pairs: the same pool, seed and classifier on both sides.

What is compared are tables of runs: a row for each data set, budget and seed (levels of the index), a column for
each method, nan where a method has no run.
"""

from dataclasses import dataclass

import pandas as pd
from scipy import stats

from .metrics import mean_interval


@dataclass(frozen=True)
class Difference:
    """How far one method is ahead of another.

    Attributes
    ----------
    mean, half_width : float
        Of the difference in percent points, and of its 95 % t interval over seeds, each seed's mean over its
        data sets and budgets counting once.
    p : float
        Of Wilcoxon's signed-rank test over all pairs, corrected by Holm for the family of differences.
    pairs, wins : int
    """

    mean: float
    half_width: float
    p: float
    pairs: int
    wins: int


def differences(ahead: pd.DataFrame, behind: pd.DataFrame) -> dict[str, Difference]:
    """Each column of `ahead` less that of the same name in `behind`, or less its only column.

    Pairs of one data set share its pool and test images: p speaks of these data sets, not of others.
    """
    from statsmodels.stats.multitest import multipletests

    paired = {}
    for name in ahead.columns:
        values = (ahead[name] - behind[name if name in behind else behind.columns[0]]).dropna()
        if len(values):
            paired[name] = values
    raw = [1.0 if (values == 0).all() else float(stats.wilcoxon(values).pvalue) for values in paired.values()]
    corrected = multipletests(raw, method="holm")[1] if raw else []
    found = {}
    for (name, values), p in zip(paired.items(), corrected, strict=True):
        mean, half = mean_interval(values.groupby(level="seed").mean())
        found[name] = Difference(mean, half, float(p), len(values), int((values > 0).sum()))
    return found


def ranks(runs: pd.DataFrame) -> pd.DataFrame:
    """Rank of each method on each data set and budget, 1 being best, by its mean over seeds.

    Methods that lack one of them are left out.
    """
    means = runs.groupby(level=["data_set", "budget"]).mean().dropna(axis=1)
    return means.rank(axis=1, ascending=False)


def by_chance(of_ranks: pd.DataFrame) -> pd.DataFrame:
    """p of Nemenyi's test after Friedman's, for each pair of methods (Demsar, 2006); from `ranks`."""
    import scikit_posthocs

    found: pd.DataFrame = scikit_posthocs.posthoc_nemenyi_friedman(of_ranks.to_numpy())
    return found.set_axis(of_ranks.columns, axis=0).set_axis(of_ranks.columns, axis=1)
