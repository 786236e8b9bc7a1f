"""Names and values as lines of text."""

from collections.abc import Sequence


def in_lines(rows: Sequence[tuple[str, str]]) -> str:
    """A line a row, the values one below the other."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows)
