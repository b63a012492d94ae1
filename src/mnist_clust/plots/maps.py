"""Maps: as they form, in two and three dimensions, with images and new digits on them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from mnist_clust.plots import style
from mnist_clust.plots.style import Array, draw_map, new_figure, one_panel, styled

TILE = 56  # pixels of an image on a map, more than are seen there


@styled
def small_maps(
    maps: Mapping[str, Array], labels: Array | None, *, columns: int = 3, legend: str = "digit",
    title: str = "Maps of the same images",
) -> Figure:  # fmt: skip
    """Show maps of the same images by name, each at its own scale, in the classes' colors."""
    columns = min(columns, len(maps))
    rows = -(-len(maps) // columns)
    figure = new_figure(title, 9, 0.9 + rows * (0.3 + 8.6 / columns))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(maps) :]:
        axes.set_axis_off()
    for axes, (name, points) in zip(panels, maps.items(), strict=False):
        draw_map(axes, points, labels, name, named=False)
        axes.set_anchor("N")  # titles on one line, whatever the maps' shapes
    style.class_legend(figure, labels, legend)
    return figure


@styled
def map_of_images(
    images: Array, embedding: Array, labels: Array | None, *, cells: int = 36,
    colors: Array | None = None, title: str = "Images in their places",
) -> Figure:  # fmt: skip
    """Draw images on the map, one in each cell of a grid of ``cells`` by ``cells`` that holds any.

    Colors are those of the labels, which may be classes or clusters, unless given.
    """
    if colors is None:
        colors = style.class_colors(np.zeros(len(images), int) if labels is None else labels)
    figure, axes = one_panel(title, 10, 10)
    scaled = embedding - embedding.min(axis=0)
    scaled = scaled / np.ptp(embedding, axis=0).max() * cells * 0.9999
    cell = scaled.astype(int)
    off_center = np.abs(scaled - cell - 0.5).max(axis=1)
    order = np.lexsort((off_center, cell[:, 1], cell[:, 0]))
    chosen = order[np.unique(cell[order], axis=0, return_index=True)[1]]
    draw_map(axes, scaled, colors=0.6 + 0.4 * colors)
    tiles = style.shrink(images[chosen], TILE)
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
    return figure
