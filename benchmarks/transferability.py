"""What `evenpick diagnose` says of four image sets, beside what functions on source predictions do on them.

    python benchmarks/transferability.py --data DATA --work WORK     # a minute; writes benchmarks/transferability.md

DATA and WORK as for `benchmarks/expectation.py`, whose results bring the effects: test accuracy with labels of
`lc_inv_div` less that with `random` ones.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from expectation import RESULTS, SETS, split_of

TABLE = Path(__file__).with_suffix(".md")
LABELS, SEEDS = 200, range(5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    rows = sorted((_row(options.data, options.work, name) for name in SETS), key=lambda row: -row[1])
    lines = [
        "# Does the source know the images?",
        "",
        f"`evenpick diagnose` before labels, on 60 % of each pool, and measured on {LABELS} random labels (mean of",
        f"{len(SEEDS)} draws); source `efficientnet_lite0`. Beside them, in points of macro accuracy, how far labels of `lc_inv_div` are ahead",
        "of `random` ones at 100, 200 and 500 labels (means of the runs of `benchmarks/expectation.jsonl`).",
        "Command: `python benchmarks/transferability.py --data DATA --work WORK`.",
        "",
        "| set | resolved by a prediction | classes in effect | confidence | agreement | nearest label | LogME "
        "| advice | lc_inv_div against random |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, information, classes, confidence, agreement, neighbour, log_me, helps in rows:
        lines.append(
            f"| {name} | {information:.2f} | {classes:.0f} | {confidence:.2f} | {agreement:.2f} | {neighbour:.2f} "
            f"| {log_me:.2f} | {'worth it' if helps else 'leave alone'} | {_effects(name)} |"
        )
    TABLE.write_text("\n".join(lines) + "\n")


def _row(data: Path, work: Path, name: str) -> tuple:
    from evenpick.transferability import advice, measured_transfer, source_knowledge

    pool, labels, _, _ = split_of(data, work, name, 0)
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


def _effects(name: str) -> str:
    rows = [row for row in map(json.loads, RESULTS.open()) if row["set"] == name]

    def mean(selection: str, budget: int) -> float:
        return 100 * float(
            np.mean([r["accuracy"] for r in rows if (r["selection"], r["budget"]) == (selection, budget)])
        )

    return ", ".join(f"{mean('lc_inv_div', b) - mean('random', b):+.1f}" for b in (100, 200, 500))


if __name__ == "__main__":
    main()
