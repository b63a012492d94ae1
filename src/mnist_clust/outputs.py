"""What a notebook's outputs say in their metadata of the figures and pages that they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it takes three seconds to import, which no kernel needs
    import nbformat

FIGURE, PAGE = "image/png", "text/html"  # under which an output's metadata names what it shows


def shown(notebook: nbformat.NotebookNode, kind: str) -> list[dict[str, Any]]:
    """Return the metadata of all figures (`FIGURE`) or pages (`PAGE`) in a notebook's outputs."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    about = [output.get("metadata", {}).get(kind, {}) for output in outputs]
    return [each for each in about if "name" in each]
