"""Interactive HTML pages, which open from disk and ask no server and no network."""

from __future__ import annotations

import base64
import io
import json
import math
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from joblib import delayed
from matplotlib.colors import to_hex
from PIL import Image
from plotly.offline import get_plotlyjs

from mnist_clust.data import Images, Labels
from mnist_clust.plots.style import ACCENT, PALETTE, class_colors
from numba_tsne._parallel import side_by_side

_TEMPLATES = Path(__file__).parent / "templates"
_PLOTLY = {"plotly.min.js": get_plotlyjs().encode()}
PER_SHEET = 5_000
COLUMNS = 100
LARGEST = 32  # pixels along a side; larger images are reduced
GRAYS = 16  # enough to read a digit by, and half the bytes


@dataclass(frozen=True)
class Page:
    """A page and the files it needs beside it, by name."""

    title: str
    html: str
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def megabytes(self) -> float:
        """The weight of the page with all its files, in 10⁶ bytes."""
        return (len(self.html.encode()) + sum(map(len, self.files.values()))) / 1e6


def map_in_space(embedding: npt.NDArray[np.float32], labels: Labels | None, title: str) -> Page:
    """Make a page with a map in three dimensions, to turn and to zoom.

    Parameters
    ----------
    embedding : ndarray of shape (n, 3)
    labels : ndarray of int, shape (n,), or None
        Colours; a click in the legend hides a class.
    title : str
    """
    classes = [None] if labels is None else np.unique(labels).tolist()
    figure = go.Figure(layout={"template": "plotly_white"})
    colors = [ACCENT] if labels is None else map(to_hex, class_colors(np.array(classes), labels))
    for value, color in zip(classes, colors, strict=True):
        members = np.arange(len(embedding)) if labels is None else np.flatnonzero(labels == value)
        x, y, z = embedding[members].T
        named = "" if labels is None else f"{value}, "
        figure.add_scatter3d(
            x=x, y=y, z=z, customdata=members, mode="markers", name=str(value),
            marker={"size": 1.5, "color": color}, showlegend=labels is not None,
            hovertemplate=f"{named}image %{{customdata}}<extra></extra>",
        )  # fmt: skip
    bare = {"showticklabels": False, "title": "", "showspikes": False}
    figure.update_layout(
        margin=dict.fromkeys("lrtb", 0),
        legend={"itemsizing": "constant", "title": "digit"},
        scene={**dict.fromkeys(("xaxis", "yaxis", "zaxis"), bare), "aspectmode": "data"},
    )
    plot = figure.to_html(
        full_html=False,
        include_plotlyjs="plotly.min.js",
        div_id="space",  # else a random one, and no two runs would give the same page
        config={"displaylogo": False, "responsive": True},
    )
    return Page(title, _fill("space.html", title=escape(title), plot=plot), _PLOTLY)


def map_of_images(
    images: Images,
    embedding: npt.NDArray[np.float32],
    groups: dict[str, tuple[npt.NDArray[np.integer], list[str]]],
    title: str,
) -> Page:
    """Make a page with a map on which each point shows its image.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    embedding : ndarray of shape (n, 2)
    groups : dict of str to (codes, names)
        Ways to colour the points, the first one at the start: for each point the index of its
        class, and the names of the classes.
    title : str

    Returns
    -------
    Page
        Its images are in PNG sheets, each fetched when one of its images is first shown.
    """
    sheets, (width, height) = sheet_files(images)
    data = {
        "x": encode(embedding[:, 0], np.float32),
        "y": encode(embedding[:, 1], np.float32),
        "groups": [
            {"title": name, "codes": encode(codes, np.int16), "names": names}
            for name, (codes, names) in groups.items()
        ],
        "palette": [to_hex(color) for color in PALETTE],
        "size": float(np.clip(300 / math.sqrt(len(embedding)), 2.5, 8)),
        "sheets": list(sheets),
        "perSheet": PER_SHEET,
        "columns": COLUMNS,
        "image": [width, height],
    }
    # No label or name may end the script it stands in.
    text = json.dumps(data).replace("<", "\\u003c")
    return Page(title, _fill("map.html", title=escape(title), data=text), sheets | _PLOTLY)


def _fill(template: str, **parts: str) -> str:
    return Template((_TEMPLATES / template).read_text(encoding="utf-8")).substitute(parts)


def encode(values: npt.NDArray[Any], dtype: type) -> str:
    """Write numbers as the browser's typed arrays read them: little-endian, in base64."""
    kind = np.dtype(dtype).newbyteorder("<")
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()


def sheet_files(images: Images) -> tuple[dict[str, bytes], tuple[int, int]]:
    """Tile images into PNG files, dark on white; return them and the size of an image."""
    step = max(1, math.ceil(max(images.shape[1:]) / LARGEST))
    images = images[:, ::step, ::step] if step > 1 else images
    height, width = images.shape[1:]
    starts = range(0, len(images), PER_SHEET)
    sheets = side_by_side(delayed(_sheet)(images[start : start + PER_SHEET]) for start in starts)
    return {f"images_{number:02}.png": png for number, png in enumerate(sheets)}, (width, height)


def _sheet(images: Images) -> bytes:
    height, width = images.shape[1:]
    blank = -len(images) % COLUMNS
    part = np.pad(255 - images, ((0, blank), (0, 0), (0, 0)), constant_values=255)
    tiles = part.reshape(-1, COLUMNS, height, width).transpose(0, 2, 1, 3)
    gray = tiles.reshape(-1, COLUMNS * width) // (256 // GRAYS)
    picture = Image.fromarray(gray.astype(np.uint8), mode="P")
    picture.putpalette(np.repeat(np.arange(GRAYS, dtype=np.uint8) * 17, 3).tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", bits=4, compress_level=6)  # 9 takes four times as long
    return buffer.getvalue()
