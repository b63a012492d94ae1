"""Notebook 04: maps by t-SNE, how they form, what they show and what they do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from mnist_clust.data import Images, Labels
from mnist_clust.plots.style import (
    ACCENT,
    INK,
    MUTED,
    PALETTE,
    bare,
    class_legend,
    new_figure,
    scatter_classes,
    scatter_codes,
    shrink,
    styled,
)

Points = npt.NDArray[np.float32]
TILE = 56  # pixels of an image on a map, more than are seen there


def _class_colors(labels: npt.NDArray[np.integer] | None, n: int) -> npt.NDArray[np.float64]:
    if labels is None:
        return np.tile(to_rgb(ACCENT), (n, 1))
    codes = np.unique(labels, return_inverse=True)[1]
    return np.asarray(np.array([to_rgb(color) for color in PALETTE])[codes % len(PALETTE)])


def _small_map(axes: Axes, points: Points, labels: Labels | None, title: str) -> None:
    colors = _class_colors(labels, len(points))
    axes.scatter(points[:, 0], points[:, 1], s=0.5, c=colors, lw=0, rasterized=True)
    bare(axes, title)


@styled
def neighbor_embedding(data: Points, embedding: Points, groups: npt.NDArray[np.integer]) -> Figure:
    """Show planar data beside its map: neither widths nor gaps survive.

    Parameters
    ----------
    data : ndarray of shape (n, 2)
    embedding : ndarray of shape (n, 2)
    groups : ndarray of int, shape (n,)
        Which group each point was drawn from.
    """
    figure = new_figure("t-SNE keeps who is whose neighbour; widths and gaps it makes up", 9, 4.4)
    for axes, points, title in zip(
        figure.subplots(1, 2), (data, embedding), ("the data", "its t-SNE map"), strict=True
    ):
        for group in np.unique(groups):
            x, y = points[groups == group, :2].T
            axes.scatter(x, y, s=4, color=PALETTE[group], lw=0)
            name = chr(ord("A") + int(group))
            axes.annotate(name, (x.mean(), y.max()), xytext=(0, 5), textcoords="offset points",
                          ha="center", weight="bold", color=PALETTE[group])  # fmt: skip
        axes.set(title=title, aspect="equal", xlabel="first coordinate")
        axes.set_ylabel("second coordinate")
        axes.margins(0.12)
    return figure


@styled
def map_frames(frames: Mapping[int, Points], labels: Labels | None) -> Figure:
    """Show a map as it forms, each frame at its own scale.

    Parameters
    ----------
    frames : mapping of int to ndarray of shape (n, 2)
        By iteration.
    labels : ndarray of int, shape (n,), or None
    """
    figure = new_figure("Groups part first, then each spreads out", 9, 6.8)
    panels = figure.subplots(2, -(-len(frames) // 2), squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (iteration, points) in zip(panels, sorted(frames.items()), strict=False):
        axes.set_axis_on()
        width = float(np.ptp(points, axis=0).max())
        shown = f"{width:.1g}" if width < 1 else f"{width:.0f}"
        _small_map(axes, points, labels, f"iteration {iteration}: {shown} wide")
    class_legend(figure, labels)
    return figure


@styled
def perplexity_comparison(maps: Mapping[float, Points], labels: Labels | None) -> Figure:
    """Show maps of the same data for several perplexities.

    Parameters
    ----------
    maps : mapping of float to ndarray of shape (n, 2)
        By perplexity.
    labels : ndarray of int, shape (n,), or None
    """
    named = {f"perplexity {value:g}": points for value, points in maps.items()}
    return side_by_side("More neighbours, wider gaps between the islands", named, labels)


def side_by_side(title: str, maps: Mapping[str, Points], labels: Labels | None) -> Figure:
    """Draw small maps of the same data beside each other, each at its own scale and named."""
    figure = new_figure(title, 0.5 + 3 * len(maps), 4.2)
    panels = figure.subplots(1, len(maps), squeeze=False)[0]
    for axes, (name, points) in zip(panels, maps.items(), strict=True):
        _small_map(axes, points, labels, name)
        axes.set_anchor("N")  # titles on one line, whatever the maps' shapes
    class_legend(figure, labels)
    return figure


@styled
def plane_and_map(plane: Points, embedding: Points, labels: Labels | None) -> Figure:
    """Show the plane of the first two principal components beside the t-SNE map.

    Parameters
    ----------
    plane, embedding : ndarray of shape (n, 2)
    labels : ndarray of int, shape (n,), or None
    """
    figure = new_figure("Ten digits pile up on PCA's plane and lie apart on the map", 9.5, 5)
    left, right = figure.subplots(1, 2)
    # Names in the middle of each digit would pile up on the plane; the map's serve both.
    codes = np.zeros(len(plane)) if labels is None else np.unique(labels, return_inverse=True)[1]
    scatter_codes(left, plane, codes.astype(np.intp))
    scatter_classes(right, embedding, labels)
    bare(left, "PCA's plane")
    bare(right, "t-SNE's map, same colours")
    return figure


@styled
def map_of_images(
    images: Images,
    embedding: Points,
    labels: npt.NDArray[np.integer] | None,
    *,
    cells: int = 36,
    title: str | None = None,
) -> Figure:
    """Draw images on the map at their places, one in each cell of a grid that holds any.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    embedding : ndarray of shape (n, 2)
    labels : ndarray of int, shape (n,), or None
        Colours.
    cells : int, default 36
        Cells along each side.
    title : str, optional
        The finding, where it is another one.
    """
    ten = labels is not None and len(np.unique(labels)) == 10
    named = "ten digits" if ten else "the images"
    title = title or f"Nobody told it what they are: {named}, each drawn in its place"
    figure = new_figure(title, 10, 10)
    axes = figure.add_subplot()
    low, span = embedding.min(axis=0), np.ptp(embedding, axis=0).max()
    scaled = (embedding - low) / span * cells * 0.9999
    cell = scaled.astype(int)
    off_center = np.abs(scaled - cell - 0.5).max(axis=1)
    order = np.lexsort((off_center, cell[:, 1], cell[:, 0]))
    _, first = np.unique(cell[order], axis=0, return_index=True)
    chosen = order[first]
    colors = _class_colors(labels, len(embedding))
    axes.scatter(scaled[:, 0], scaled[:, 1], s=1, c=colors, alpha=0.12, lw=0, rasterized=True)
    tiles = shrink(images[chosen], TILE)
    height, width = tiles.shape[1:]
    canvas = np.zeros((cells * height, cells * width, 4), np.float32)
    for i, image in zip(chosen, tiles, strict=True):
        column, row = cell[i]
        tile = canvas[row * height :, column * width :][:height, :width]
        tile[..., :3] = 0.75 * colors[i]  # a little darker, to read on the points
        tile[..., 3] = image[::-1] / 255
    axes.imshow(canvas, origin="lower", extent=(0, cells, 0, cells), interpolation="antialiased")
    columns, rows = cell.max(axis=0) + 1  # whole cells, so that no image is cut
    axes.set(xlim=(0, columns), ylim=(0, rows))
    bare(axes)
    return figure


@styled
def map_in_space(
    embedding: Points, labels: Labels | None, *, n_points: int = 20_000, random_state: int = 0
) -> Figure:
    """Show a map in three dimensions from four sides.

    Parameters
    ----------
    embedding : ndarray of shape (n, 3)
    labels : ndarray of int, shape (n,), or None
    n_points : int, default 20000
        Drawn, chosen at random.
    random_state : int, default 0
    """
    figure = new_figure("From each of four sides, other islands stand in front", 9.5, 9)
    rng = np.random.default_rng(random_state)
    some = rng.permutation(len(embedding))[:n_points]
    colors = _class_colors(labels, len(embedding))[some]
    points = embedding[some]
    extent: Any = np.abs(points).max() * 0.75
    for position, azimuth in enumerate((0, 45, 90, 135)):
        axes: Any = figure.add_subplot(2, 2, position + 1, projection="3d")
        axes.scatter(*points.T, s=0.6, c=colors, lw=0, depthshade=False, rasterized=True)
        axes.view_init(elev=18, azim=azimuth)
        axes.set_box_aspect(None, zoom=1.2)
        axes.set_title(f"from {azimuth}°", loc="center", color=INK)
        axes.set(xlim=(-extent, extent), ylim=(-extent, extent), zlim=(-extent, extent))
        axes.set(xticklabels=[], yticklabels=[], zticklabels=[])
        axes.tick_params(length=0)
    class_legend(figure, labels)
    return figure


@styled
def what_is_kept(kept: Mapping[str, tuple[float, float]]) -> Figure:
    """Compare maps by the neighbours and by the distances that they keep.

    Parameters
    ----------
    kept : mapping of str to (float, float)
        For each map, the share of neighbours kept and the rank correlation of distances.
    """
    figure = new_figure(
        "The map keeps far more neighbours than the plane, and less of the distances", 9, 3.4
    )
    names = list(kept)
    titles = ("ten nearest neighbours kept", "all distances kept (rank correlation)")
    for position, (axes, title) in enumerate(zip(figure.subplots(1, 2), titles, strict=True)):
        values = [kept[name][position] for name in names]
        bars = axes.barh(names, values, color=[MUTED] + [ACCENT] * (len(names) - 1))
        axes.bar_label(bars, fmt="{:.2f}" if position else "{:.0%}", padding=3)
        axes.set(title=title, xlim=(0, max(1.0, *values)))
        axes.invert_yaxis()
        if position:
            axes.set_yticks([])
    return figure
