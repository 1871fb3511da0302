"""The notebooks, as files and run: what their tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))


def code_cells(notebook: Any) -> list[Any]:
    """The cells that run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def read(name: str) -> Any:
    """A notebook as it is committed."""
    return nbformat.read(FOLDER / name, as_version=4)


def executed(name: str, folder: Path) -> list[Any]:
    """What the cells of a notebook gave, run from the first to the last in a kernel whose folder is this one."""
    nbclient = pytest.importorskip("nbclient")
    notebook = read(name)
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []
    return outputs


def figures(outputs: list[Any]) -> int:
    """How many pictures are among the outputs."""
    return sum("image/png" in output.get("data", {}) for output in outputs)
