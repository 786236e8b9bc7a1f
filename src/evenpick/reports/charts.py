"""Where the lines, points and ticks of a chart lie, in the pixels of an SVG; the template draws them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

WIDTH, HEIGHT = 420, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 22, 28, 40


@dataclass(frozen=True)
class Axis:
    """What an axis is called, from where to where it goes, and its ticks with their names."""

    title: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def at(self, value: float) -> float:
        """Between 0 and 1."""
        return (value - self.low) / (self.high - self.low)


def counting(title: str, most: float) -> Axis:
    """From 0 to a round number, ticks at whole ones."""
    most = max(most, 1)
    step = max(_round_up(most / 5), 1)
    high = step * ceil(most / step)
    return Axis(title, 0, high, tuple((step * i, f"{step * i:,.0f}") for i in range(round(high / step) + 1)))


def shares(title: str, most: float = 1.0) -> Axis:
    """From 0 to 100 %, or to a round number below."""
    step = 0.25 if most > 0.5 else _round_up(most / 4)
    high = min(step * ceil(most / step - 1e-9), 1.0)
    digits = max(0, -floor(log10(step * 100)))
    ticks = tuple((step * i, f"{step * i:.{digits}%}") for i in range(round(high / step) + 1))
    return Axis(title, 0, high, ticks)


@dataclass(frozen=True)
class Chart:
    """An x and a y axis, and how values become pixels."""

    x: Axis
    y: Axis

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Pixels from the left and from the top."""
        across = LEFT + self.x.at(x) * (WIDTH - LEFT - RIGHT)
        down = TOP + (1 - self.y.at(y)) * (HEIGHT - TOP - BOTTOM)
        return round(across, 1), round(down, 1)

    def line(self, points: Iterable[tuple[float, float]]) -> str:
        """A path through the points."""
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in (self.place(*point) for point in points))

    def steps(self, points: Sequence[tuple[float, float]]) -> str:
        """A path that stays level up to each next point, which alone are kept."""
        path, level = "", None
        for x, y in points:
            across, down = self.place(x, y)
            if y != level:
                path, level = (f"{path}H{across:g}V{down:g}" if path else f"M{across:g} {down:g}"), y
        return f"{path}H{self.place(*points[-1])[0]:g}"

    def bar(self, low: float, high: float, y: float) -> dict[str, float]:
        """A column from the x axis up to y."""
        (left, top), (right, bottom) = self.place(low, y), self.place(high, 0)
        return {"x": left, "y": top, "width": round(max(right - left, 0.1), 1), "height": round(bottom - top, 1)}

    def frame(self) -> dict[str, Any]:
        """The axes, for the template."""
        return {
            "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "bottom": HEIGHT - BOTTOM,
            "x_title": self.x.title, "y_title": self.y.title,
            "x_ticks": [(self.place(value, self.y.low)[0], name) for value, name in self.x.ticks],
            "y_ticks": [(self.place(self.x.low, value)[1], name) for value, name in self.y.ticks],
        }  # fmt: skip


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, ..."""
    power = 10.0 ** floor(log10(value))
    return next(float(f"{m * power:.12g}") for m in (1, 2, 5, 10) if m * power >= value * (1 - 1e-9))
