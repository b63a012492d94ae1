"""The parts of the page that Streamlit lacks, in plain HTML and JavaScript: nothing is fetched.

Plotly would draw the map as well, but has no lasso in three dimensions, and its figure of 60,000
points is sent again at each change. Here the points stay in the browser, and a click sends a
number.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import streamlit as st

from mnist_clust.data import Images
from mnist_clust.interactive import COLUMNS, PER_SHEET, encode, sheet_files
from mnist_explorer.results import Clustering

_FOLDER = Path(__file__).with_name("web")


def _component(name: str) -> Callable[..., Any]:
    def text(file: str) -> str:
        return (_FOLDER / file).read_text(encoding="utf-8")

    html = text(f"{name}.html")
    return st.components.v2.component(
        f"explorer_{name}", html=html, css=text("style.css"), js=text(f"{name}.js")
    )


_MAP, _MARK, _GALLERY, _DRAW = map(_component, ("map", "mark", "gallery", "draw"))


def in_frame(
    points: npt.NDArray[np.floating], embedding: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Scale points so that a map's longest side runs from -1 to 1."""
    low, high = embedding.min(axis=0), embedding.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-12)
    return np.asarray((points - (low + high) / 2) / half, np.float64)


class Colors(NamedTuple):
    """What the colours of a map show.

    Attributes
    ----------
    title : str
    codes : ndarray of int, shape (n,)
        The group of each point.
    names, shades : list of str
        Names and hexadecimal colours of the groups.
    """

    title: str
    codes: npt.NDArray[np.integer]
    names: list[str]
    shades: list[str]


def draw_map(
    shown: Clustering,
    shape: tuple[int, int],
    colors: Colors,
    key: str,
    *,
    clicked: Callable[[], None],
    selected: Callable[[], None],
) -> None:
    """Draw a map that answers to a mouse over it, to clicks, to a lasso and to a box.

    Parameters
    ----------
    shown : Clustering
    shape : (int, int)
        Of an image on the sheets of `put_sheets`.
    colors : Colors
    key : str
        Names the places; as long as it stays, so does what the person zoomed to.
    clicked, selected : callable
        Called when `chosen_on_map` or `selected_on_map` has something new.
    """
    classes, codes = shown.classes
    steps = np.rint((in_frame(shown.embedding, shown.embedding) + 1) * 32767.5)
    data = {
        "places": key,
        "axes": [encode(axis, np.uint16) for axis in steps.T],
        "color": colors.title,
        "codes": encode(colors.codes, np.uint16),
        "names": colors.names,
        "colors": colors.shades,
        "named": colors.title in ("cluster", "digit"),  # on the map, too
        "clusters": encode(shown.clusters, np.uint8),
        "titles": shown.titles,
        "classes": classes,
        "labels": encode(codes, np.uint16),
        "image": shape,
        "perSheet": PER_SHEET,
        "columns": COLUMNS,
    }
    _MAP(key="figure", data=data, on_clicked_change=clicked, on_selected_change=selected)


def put_sheets(sheets: list[bytes], width: int) -> None:
    """Put all images, each of a width in pixels, where the map finds them, unseen."""
    with st.container(key="sheets"):  # Streamlit would make them smaller of its own accord
        st.image(sheets, width=COLUMNS * width, output_format="PNG")


def chosen_on_map() -> int | None:
    """Return the index of the point clicked just now."""
    return _as_index(st.session_state["figure"].get("clicked"))


def selected_on_map() -> npt.NDArray[np.int64]:
    """Return the indices of the points selected just now."""
    return np.asarray(st.session_state["figure"].get("selected") or [], np.int64)


def draw_mark(
    index: int, text: str, image: str | None, place: Sequence[float] | None, *, selected: bool
) -> None:
    """Name the chosen digit below the map, and mark it and a new digit's place on the map.

    Parameters
    ----------
    index : int
        -1 for none.
    text : str
    image : str or None
        A ``data:`` URL.
    place : sequence of float or None
        From `in_frame`.
    selected : bool
        Whether the map goes on to show what was selected on it.
    """
    data = {"index": index, "text": text, "image": image, "place": place, "selected": selected}
    _MARK(key="mark", data=data)


def draw_gallery(
    images: Images,
    indices: npt.NDArray[np.integer],
    captions: list[str],
    key: str,
    clicked: Callable[[int], None],
) -> None:
    """Show images as buttons.

    Parameters
    ----------
    images : ndarray of uint8, shape (m, height, width)
        At most as many as a sheet of :mod:`mnist_clust.interactive` holds.
    indices : ndarray of int, shape (m,)
        What a click says.
    captions : list of str
    key : str
    clicked : callable
        Gets the index.
    """
    files, size = sheet_files(images)
    sheet = "data:image/png;base64," + base64.b64encode(next(iter(files.values()))).decode()
    data = {
        "sheet": sheet,
        "size": size,
        "columns": COLUMNS,
        "indices": indices.tolist(),
        "captions": captions,
    }

    def pass_on() -> None:
        index = _as_index(st.session_state[key].get("clicked"))
        if index is not None:
            clicked(index)

    _GALLERY(key=key, data=data, on_clicked_change=pass_on)


def draw_paper(drawn: Callable[[str], None]) -> None:
    """Show a paper to draw a digit on.

    Parameters
    ----------
    drawn : callable
        Gets the drawing as a ``data:`` URL.
    """

    def pass_on() -> None:
        url = st.session_state["paper"].get("drawn")
        if isinstance(url, str):
            drawn(url)

    _DRAW(key="paper", on_drawn_change=pass_on)


def _as_index(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
