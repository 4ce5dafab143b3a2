"""A line of numbers as a small chart of characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["BLOCKS", "PLAIN", "chart"]

# How the ink in one character cell looks, from none to full, in eighths.
BLOCKS = " ▁▂▃▄▅▆▇█"
PLAIN = " ....:::#"


def chart(
    values: Sequence[int],
    label: Callable[[int], str],
    *,
    cells: str = BLOCKS,
    width: int = 64,
    height: int = 10,
) -> list[str]:
    """Return the lines of an area chart from the lowest value to the highest.

    Parameters
    ----------
    values
        At least one. Where there are more than `width`, each column shows the last value of an
        equal share of them, so the last column is the last value.
    label
        Text for a value on the axis; the top, middle and bottom lines have one.
    cells
        Nine characters, from empty to full.
    width, height
        The size of the area, in characters.
    """
    columns = min(width, len(values))
    sampled = [values[(column + 1) * len(values) // columns - 1] for column in range(columns)]
    low, high = min(sampled), max(sampled)
    # The lowest value shows one eighth of a cell, the highest fills the column.
    steps = 8 * height - 1
    filled = [1 + (value - low) * steps // (high - low) if high > low else 1 for value in sampled]

    marks = {0: high, height // 2: low + (high - low) // 2, height - 1: low}
    labels = {line: label(value) for line, value in marks.items()}
    margin = max(map(len, labels.values()))
    lines: list[str] = []
    for line in range(height):
        below = 8 * (height - 1 - line)
        ink = "".join(cells[min(max(eighths - below, 0), 8)] for eighths in filled)
        lines.append(f"{labels.get(line, ''):>{margin}} {ink}".rstrip())
    return lines
