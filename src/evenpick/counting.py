"""How many of what, with the noun in its number."""


def counted(n: int, noun: str, several: str = "") -> str:
    """`1 image`, `2,000 images`; `several` is the plural where an s does not make it."""
    return f"{n:,} {noun if n == 1 else several or f'{noun}s'}"
