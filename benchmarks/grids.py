"""What grids and confirm pages are for: a part of the budget spent on them, in place of single answers to `auto`.

    python benchmarks/sources.py features --data DATA --work WORK --source efficientnet_lite0    # the images, once
    python benchmarks/grids.py run --work WORK      # ten minutes on one core; a killed run goes on
    python benchmarks/grids.py table                # benchmarks/grids.md from the results

A simulated person first answers what `auto` asks. Then come pages of 24 unlabelled images for the class with the fewest
labels: he clicks out what is of another class, and the rest costs a label each. A page without one of that class is
followed by one for the next rarest; when no page helps, `auto` goes on.
"""

import argparse
import itertools
from collections import defaultdict
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from cells import Rows, by_key, command_line, commits, interval, keys_of, run_in_processes
from choosing import accuracy_of
from sources import split

if TYPE_CHECKING:
    from evenpick import Pool, Session

SOURCE = "efficientnet_lite0"
BUDGETS = {"elpv": (100, 200), "places, 10 classes": (50, 100), "caltech": (200,)}
SEEDS = range(8)
ORDERS = ("nearest", "surest", "least sure")
SHARES = (0.25, 0.5)  # of the budget, the last part of it
PAGE = 24  # images
KEY = ("set", "seed", "budget", "order", "share")


def main() -> None:
    command_line(__file__, __doc__, run, table, folders=("work",))


def run(options: argparse.Namespace, results: Path) -> None:
    ways = [("auto", 0.0), *itertools.product(ORDERS, SHARES)]
    done = keys_of(results, KEY)
    cells = [
        (name, seed, budget, *way)
        for seed in SEEDS
        for name, budgets in BUDGETS.items()
        for budget in budgets
        for way in ways
    ]
    run_in_processes((cell for cell in cells if cell not in done), partial(_cell, options.work), options, results)


def _cell(work: Path, name: str, seed: int, budget: int, order: str, share: float) -> Rows:
    from evenpick import Session

    pool, labels, test, true = drawn(work, name, seed)
    session = Session(pool, budget, audit=0, random_state=seed)
    for _ in range(budget - round(share * budget)):
        row = session.next()
        session.label(row, labels[row])
    looked_at, clicked_out = len(session.answers), defaultdict[str, set[int]](set)
    while session.labels_left and (shown := _page(pool, session, labels, order, clicked_out)):
        looked_at += shown
    while (row := session.next()) is not None:
        session.label(row, labels[row])
        looked_at += 1
    rows, given = [answer.index for answer in session.answers], [answer.label for answer in session.answers]
    names, counts = np.unique(labels, return_counts=True)
    rarest = names[counts.argmin()]
    row = dict(zip(KEY, (name, seed, budget, order, share), strict=True))
    accuracy = round(100 * accuracy_of(pool, np.array(rows), given, test, true), 3)
    return [
        row | {
            "accuracy": accuracy, "rarest": given.count(rarest), "of": int(counts.min()), "found": len(set(given)),
            "looked_at": looked_at,
        }
    ]  # fmt: skip


def _page(pool: "Pool", session: "Session", labels: np.ndarray, order: str, clicked_out: dict[str, set[int]]) -> int:
    """Label one page of the rarest class that has one; how many images were looked at, 0 where no page helped.

    What was clicked out of a class is not shown for it again.
    """
    from evenpick.errors import EvenpickError
    from evenpick.session import by_likeness, by_prediction, rows_of_class

    candidates, looked_at = session.unanswered(), 0
    for name in sorted(session.counts, key=session.counts.__getitem__):
        try:
            if order == "nearest":
                rows = by_likeness(pool, candidates, rows_of_class(session.answers, name))
            else:
                rows = by_prediction(pool, candidates, session.answers, name, order == "surest")
        except EvenpickError:
            return 0
        shown = np.array(
            [row for row in rows if row not in clicked_out[name]][: min(PAGE, session.labels_left)], np.intp
        )
        looked_at += len(shown)
        clicked_out[name] |= {*shown[labels[shown] != name].tolist()}
        if (members := shown[labels[shown] == name]).size:
            for row in members:
                session.label(row, name)
            return looked_at
    return 0


@cache
def drawn(work: Path, name: str, seed: int) -> "tuple[Pool, np.ndarray, Pool, np.ndarray]":
    """The pool of a seed with its labels, and the test images with theirs."""
    set_name, _, few = name.partition(", ")
    pool, labels, test, true = split(work, set_name, SOURCE, seed)
    if not few:
        return pool, labels, test, true
    classes = np.random.default_rng([seed, 78]).permutation(np.unique(true))[: int(few.split()[0])]
    rows, tested = (np.flatnonzero(np.isin(of, classes)) for of in (labels, true))
    return pool.take(rows), labels[rows], test.take(tested), true[tested]


# --- the page ---------------------------------------------------------------------------------------


def table(rows: Rows) -> str:
    found = by_key(rows, KEY)
    lines = [
        "# What grids and confirm pages are for",
        "",
        f"Macro accuracy in percent after so many labels (plain logistic regression, undiscovered classes counting 0), mean of {len(SEEDS)} seeds, and what",
        "it changes to spend the last quarter or half of them on pages of 24 images for the class with the fewest labels,",
        "clicking out what does not belong: paired over the seeds, with the half width of the 95 % t interval. *nearest*: most",
        "like its labels; *surest*, *least sure*: what the probe predicts to be of it. *rarest*: labels of the rarest class of",
        "the pool, of so many that there are; *looked at*: images that had to be looked at for these labels.",
        f"Command: `python benchmarks/grids.py run --work WORK`, source `{SOURCE}` as in [sources.md](sources.md), commit {commits(rows)}.",
    ]  # fmt: skip
    for name, budgets in BUDGETS.items():
        lines += ["", f"## {name}", "", _header(budgets), "|---|" + "---|" * (3 * len(budgets))]
        lines.append(f"| `auto` alone | {' | '.join(_alone(found, name, budget) for budget in budgets)} |")
        for share, order in itertools.product(SHARES, ORDERS):
            cells = [_change(found, name, budget, order, share) for budget in budgets]
            lines.append(f"| last {'half' if share == 0.5 else 'quarter'} {order} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _header(budgets: tuple[int, ...]) -> str:
    return "| |" + "".join(f" {budget} labels | rarest | looked at |" for budget in budgets)


def _runs(found: dict, name: str, budget: int, order: str, share: float) -> list[dict]:
    return [found[key] for seed in SEEDS if (key := (name, seed, budget, order, share)) in found]


def _alone(found: dict, name: str, budget: int) -> str:
    runs = _runs(found, name, budget, "auto", 0.0)
    rarest, of, looked_at = (np.mean([run[k] for run in runs]) for k in ("rarest", "of", "looked_at"))
    return f"{interval([run['accuracy'] for run in runs])} | {rarest:.1f} of {of:.1f} | {looked_at:.0f}"


def _change(found: dict, name: str, budget: int, order: str, share: float) -> str:
    runs, alone = (_runs(found, name, budget, *way) for way in ((order, share), ("auto", 0.0)))
    if len(runs) != len(alone):
        return " | | "
    by = {k: [run[k] - base[k] for run, base in zip(runs, alone, strict=True)] for k in ("accuracy", "rarest")}
    looked_at = np.mean([run["looked_at"] for run in runs])
    return f"{interval(by['accuracy'], '+')} | {interval(by['rarest'], '+')} | {looked_at:.0f}"


if __name__ == "__main__":
    main()
