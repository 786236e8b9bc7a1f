"""The tables and figures of a benchmark as files: Markdown, CSV, LaTeX, SVG and PNG."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic_files import write_atomically
from .method_comparison import friedman, nemenyi, ranks
from .results import read_facts, read_rows
from .tables import NONE, Results, Table, all_tables, summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

_ABOUT_TEX = "% Needs \\usepackage{booktabs} and, for wide tables, \\usepackage{graphicx}."
_FLOAT = r"""\begin{table}
\centering
\caption{%s}
\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%s}
\end{table}
"""
_IN_TEX = str.maketrans(
    {**{sign: f"\\{sign}" for sign in "&%$#_{}"}, "^": r"\^{}", "~": r"\~{}", "\\": r"\textbackslash{}", "±": r"$\pm$"}
)
_MOST_FLOATS = 10  # LaTeX holds back so many tables of a page, and a few more
_MOST_NAMES = 12  # of a critical-difference plot that can be read


def write_pages(workspace: Path, partners: Mapping[str, str]) -> list[Path]:
    """Write `tables.md`, `tables.tex`, `tables.csv` (cells), `csv/` (each table) and the figures; returns the files.

    Raises
    ------
    EvenpickError
        If there is no result yet, or a partner does not exist.
    """
    import matplotlib

    results = Results.of(read_rows(workspace), read_facts(workspace), partners)
    tables = all_tables(results)
    texts = {
        "tables.md": _markdown(results, tables),
        "tables.csv": summary(results).to_csv(index=False),
        "tables.tex": "\n".join([_ABOUT_TEX, *_latex_pages(tables)]),
    }
    texts |= {f"csv/{_file_name(table)}.csv": table.frame.to_csv(index=False) for table in tables if len(table.frame)}
    for old in [*workspace.glob("csv/*.csv"), *workspace.glob("critical-difference-*")]:
        old.unlink()  # of results that are no longer these
    (workspace / "csv").mkdir(exist_ok=True)
    for name, text in texts.items():
        write_atomically(workspace / name, text.encode())
    figures = {"figure-1": _figure_1(results.facts)} | _critical_differences(results)
    files = [workspace / name for name in texts if "/" not in name]
    with matplotlib.rc_context({"svg.hashsalt": "evenpick"}):  # the same results, the same file
        for name, figure in figures.items():
            for suffix in ("svg", "png"):
                files.append(workspace / f"{name}.{suffix}")
                figure.savefig(files[-1], dpi=150, metadata={"Date": None} if suffix == "svg" else None)
    return files


def _markdown(results: Results, tables: Sequence[Table]) -> str:
    facts = results.runs
    stated = {
        key: ", ".join(sorted({str(value) for value in facts[key]})) for key in ("source", "commit", "pool_share")
    }
    lines = [
        "# The paper's tables",
        "",
        f"Source model {stated['source']}; linear SVM, its C from ten folds over the labels; commit {stated['commit']}. Each "
        f"seed draws {stated['pool_share']} of the pool. Accuracies are macro over all classes, those not found counting 0, "
        "with prior correction (tau = 1) where nothing else is said. Mean and half width of the 95 % t interval over "
        f"{_seeds(results)}; the test images stay the same. Best of a column in bold.",
    ]
    lines += ["", f"{len(facts):,} runs and {len(results.full)} on all labels of a pool."]
    for table in tables:
        if len(table.frame):
            lines += [
                "",
                f"**{table.caption}**",
                "",
                _with_bold_best(table).to_markdown(index=False, disable_numparse=True),
            ]
    return "\n".join(lines) + "\n"


def _with_bold_best(table: Table) -> "DataFrame":
    cells = table.frame.copy()
    for row, column in table.best:
        cells.loc[row, column] = f"**{cells.loc[row, column]}**"
    return cells


def _seeds(results: Results) -> str:
    counts = results.runs.groupby(["data_set", "acquisition", "balancing", "budget"]).size()
    most, least = counts.max(), counts.min()
    return f"{most} seeds" if most == least else f"{least} to {most} seeds"


def _file_name(table: Table) -> str:
    return re.sub(r"[^a-z0-9]+", "-", table.caption.lower()).strip("-")


def _latex_pages(tables: Sequence[Table]) -> list[str]:
    found = [_latex(table) for table in tables if len(table.frame)]
    for place in range(_MOST_FLOATS, len(found), _MOST_FLOATS):
        found[place] = "\\clearpage\n" + found[place]
    return found


def _latex(table: Table) -> str:
    cells = table.frame.style.hide(axis="index").format(_in_tex).format_index(_in_tex, axis="columns")
    for row, column in table.best:
        cells.set_properties(([row], [column]), textbf="--rwrap")
    body = cells.to_latex(hrules=True, column_format="l" + "r" * (len(table.frame.columns) - 1))
    return _FLOAT % (_in_tex(table.caption), body.strip())


def _in_tex(text: str) -> str:
    return text.translate(_IN_TEX)


def _figure_1(facts: Mapping[str, Any]) -> "Figure":
    """Share of the pool predicted as each source class, most frequent first (Figure 1)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, of_set in facts.items():
        axes.plot(range(1, len(of_set["shares"]) + 1), [100 * share for share in of_set["shares"]], label=name)
    axes.set(xscale="log", yscale="log", xlabel="source class, most frequent first")
    axes.set_ylabel("images predicted as it, % of the pool")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _critical_differences(results: Results) -> "dict[str, Figure]":
    """Mean ranks over data sets, functions that may differ by chance joined (Demsar, 2006)."""
    import scikit_posthocs
    from matplotlib.figure import Figure

    found = {}
    for balancing in results.balancings:
        of_ranks = ranks(results.pivot("corrected_accuracy", balancing))
        if len(of_ranks) < 2 or not 3 <= of_ranks.shape[1] <= _MOST_NAMES:
            continue
        figure = Figure(figsize=(8, 3.5), layout="constrained")
        axes = figure.subplots()
        drawn = scikit_posthocs.critical_difference_diagram(of_ranks.mean(), nemenyi(of_ranks), ax=axes)
        for bar in (line for lines in drawn["crossbars"] for line in lines):
            bar.set_xdata(sorted(bar.get_xdata()))  # drawn in the order of a set, which differs from process to process
        words = "before balancing" if balancing == NONE else f"with balancing ({balancing})"
        axes.set_title(
            f"Mean rank over {len(of_ranks)} data sets, {words}; Friedman's p = {friedman(of_ranks):.2g}", fontsize=10
        )
        found[f"critical-difference-{balancing}"] = figure
    return found
