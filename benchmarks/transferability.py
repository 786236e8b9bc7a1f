"""What `evenpick diagnose` says of four image sets, beside what functions on source predictions do on them.

    python benchmarks/transferability.py --data DATA --work WORK     # a minute; writes benchmarks/transferability.md

DATA, WORK and pools are those of `cells.py`; the results of `benchmarks/choosing.py` bring the effects: mean test accuracy
with labels of `ent_inv_div`, `ms_inv_div` and `lc_inv_div` less that with `random` ones.
"""

import argparse
from itertools import combinations
from pathlib import Path

import choosing
import numpy as np
from cells import SETS, interval, part_of, rows_of

TABLE = Path(__file__).with_suffix(".md")
LABELS, SEEDS, BUDGETS = 200, range(5), (100, 200, 500, 1000)
FUNCTIONS = ("ent_inv_div", "ms_inv_div", "lc_inv_div")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    rows = sorted((_row(options.data, options.work, name) for name in SETS), key=lambda row: -row[1])
    lines = [
        "# Does the source know the images?",
        "",
        f"`evenpick diagnose` before labels, on the pool of one seed, and measured on {LABELS} random labels (mean of",
        f"{len(SEEDS)} draws); source `efficientnet_lite0`. Beside them, in points of macro accuracy, how far labels of the functions on",
        f"source predictions (mean of {', '.join(f'`{name}`' for name in FUNCTIONS)}) are ahead of `random` ones at",
        f"{', '.join(map(str, BUDGETS))} labels ([choosing.md](choosing.md); paired over seeds, 95 % t interval).",
        "Command: `python benchmarks/transferability.py --data DATA --work WORK`.",
        "",
        "| set | resolved by a prediction | classes in effect | confidence | agreement | nearest label | LogME "
        "| advice | source predictions against random |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, information, classes, confidence, agreement, neighbour, log_me, helps in rows:
        lines.append(
            f"| {name} | {information:.2f} | {classes:.0f} | {confidence:.2f} | {agreement:.2f} | {neighbour:.2f} "
            f"| {log_me:.2f} | {'worth it' if helps else 'leave alone'} | {_shown(_effects(name))} |"
        )
    lines += [
        "",
        "The sets stand in the order of the first column. How far each is ahead of those below it in the last one:",
        "",
    ]
    for (better, *_), (worse, *_) in combinations(rows, 2):
        effects = zip(_effects(better), _effects(worse), strict=True)
        apart = [{seed: ours[seed] - theirs[seed] for seed in ours} for ours, theirs in effects]
        lines.append(f"* {better} before {worse}: {_shown(apart)}")
    TABLE.write_text("\n".join(lines) + "\n")


def _row(data: Path, work: Path, name: str) -> tuple:
    from evenpick.transferability import advice, measured_transfer, source_knowledge

    pool, labels, _, _ = part_of(data, work, name, 0)
    knowledge, draws = source_knowledge(pool), []
    for seed in SEEDS:
        rows = np.random.default_rng(seed).permutation(len(pool))[:LABELS]
        draws.append(measured_transfer(pool, rows, labels[rows].tolist()))
    agreement, neighbour, log_me = (
        float(np.mean([getattr(draw, field) for draw in draws]))
        for field in ("agreement", "neighbour_accuracy", "log_me")
    )
    helps = advice(knowledge, draws[0]).source_functions_help
    return (
        name, knowledge.information, knowledge.effective_classes, knowledge.confidence, agreement, neighbour, log_me,
        helps,
    )  # fmt: skip


def _effects(name: str) -> list[dict[int, float]]:
    """By seed, for each budget."""
    accuracies = {
        (row["acquisition"], row["budget"], row["seed"]): row["accuracy"]
        for row in rows_of(Path(choosing.__file__).with_suffix(".jsonl"))
        if row["set"] == name and row["balancing"] is None
    }
    return [
        {
            seed: float(np.mean([accuracies[function, budget, seed] for function in FUNCTIONS]))
            - accuracies["random", budget, seed]
            for seed in SEEDS
        }
        for budget in BUDGETS
    ]


def _shown(effects: list[dict[int, float]]) -> str:
    return ", ".join(interval([*by_seed.values()], "+") for by_seed in effects)


if __name__ == "__main__":
    main()
