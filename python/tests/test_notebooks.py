"""The notebooks in `examples` run, and show what is committed.

`NANOBOOK_REWRITE=1` writes what they show now into the files: read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

# Its first import on a machine builds a cache and may say so: here, and not in a notebook.
import matplotlib.font_manager as _  # noqa: F401
import nbclient
import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples").glob("*.ipynb"))
REWRITE = os.environ.get("NANOBOOK_REWRITE") == "1"


def read(path: Path) -> nbformat.NotebookNode:
    # nbformat has types for few of its functions.
    # nbformat has no types for what it reads and writes.
    notebook = nbformat.read(path, as_version=4)  # pyright: ignore
    return cast("nbformat.NotebookNode", notebook)


def shown(cell: nbformat.NotebookNode) -> list[Any]:
    """Return the outputs of a cell as a reader sees them; of a picture only that it is there."""
    outputs: list[Any] = []
    for output in cell.outputs:
        data = {
            kind: content if kind.startswith("text/") else "a picture"
            for kind, content in output.get("data", {}).items()
        }
        # A table stands in for its text, which has more digits than all machines agree on.
        if "text/html" in data:
            del data["text/plain"]
        outputs.append((output.output_type, output.get("name"), output.get("text"), data))
    return outputs


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_is_committed(path: Path, tmp_path: Path) -> None:
    committed, notebook = read(path), read(path)
    # A cell that raises fails here, with its traceback.
    nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        coalesce_streams=True,
        record_timing=False,
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    if REWRITE:
        # The version of Python is no part of the notebook.
        notebook.metadata = committed.metadata
        # As above: without types.
        nbformat.write(notebook, path)  # pyright: ignore[reportUnknownMemberType]
        return

    counts: list[int] = []
    for before, now in zip(committed.cells, notebook.cells, strict=True):
        if before.cell_type == "code":
            assert shown(now) == shown(before), before.source
            counts.append(before.execution_count)
    # It was run from top to bottom.
    assert counts == list(range(1, len(counts) + 1))
