"""Maps: as they form, in two and three dimensions, with clusters, images and new digits on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.spatial import Voronoi, voronoi_plot_2d
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from mnist_clust.plots import style
from mnist_clust.plots.style import Array, draw_map, new_figure, one_panel, styled
from mnist_clust.scores import name_by_majority

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
def pca_glance(
    plane: Array, labels: Array | None, explained: Array, *, title: str = "Principal components"
) -> Figure:
    """Show the plane of two principal components, and the variance explained by count."""
    figure = new_figure(title, 9, 4.4)
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    draw_map(left, plane, labels, "PCA's plane", named=False)
    left.set(xlabel="first component", ylabel="second component")
    count = np.arange(1, len(explained) + 1)
    right.semilogx(count, np.cumsum(explained), color=style.ACCENT)
    right.axhline(0.9, color=style.MUTED, lw=1, ls="--")
    right.text(1, 0.91, "90%", color=style.MUTED)
    right.set(xlabel="components kept", ylabel="variance explained", title="how many it takes")
    style.percent(right.yaxis)
    style.class_legend(figure, labels)
    return figure


@styled
def map_in_space(
    solid: Array, flat: Array, labels: Array | None, *, n_points: int = 12_000,
    title: str = "The map in three dimensions, beside the one in two",
) -> Figure:  # fmt: skip
    """Show a map in three dimensions, turned to its broadest side, beside that in two."""
    figure = new_figure(title, 10, 6)
    left = figure.add_subplot(1, 5, (1, 2))
    draw_map(left, flat, labels, "in two dimensions")
    axes: Any = figure.add_subplot(1, 5, (3, 5), projection="3d", computed_zorder=False)
    some = np.random.default_rng(0).permutation(len(solid))[:n_points]
    turned = PCA(3).fit_transform(solid)[:, [0, 2, 1]]  # its broadest side to the front
    colors = style.ACCENT if labels is None else style.class_colors(labels[some])
    axes.scatter(*turned[some].T, s=9, c=colors, lw=0, alpha=0.8, rasterized=True)
    style.name_classes(axes, turned, labels)
    axes.view_init(elev=20, azim=-65)
    axes.set_box_aspect(np.ptp(turned, axis=0), zoom=1.35)
    axes.set(xticklabels=[], yticklabels=[], zticklabels=[])
    axes.tick_params(length=0, grid_color=style.PALE)
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


@styled
def clusters_on_map(
    embedding: Array, model: KMeans, labels: Array | None, *, title: str = "Clusters on the map"
) -> Figure:
    """Show a map by cluster, with KMeans' borders, beside the same map by digit."""
    clusters, centers = model.labels_, model.cluster_centers_
    names = None if labels is None else name_by_majority(clusters, labels, len(centers))
    colors = style.cluster_colors(names, len(centers), labels)
    figure = new_figure(title, 9, 4.8)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    draw_map(left, embedding, title="by cluster", colors=colors[clusters])
    for cluster, center in enumerate(centers):
        style.write_at(left, center, chr(ord("A") + cluster % 26))
    draw_map(right, embedding, labels, "by digit")
    limits = np.array([embedding.min(axis=0), embedding.max(axis=0)]).T * 1.04
    far = 50 * np.abs(limits).max() * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    for axes in (left, right):
        if len(centers) > 2:  # Qhull asks for more than a pair
            voronoi_plot_2d(Voronoi(np.vstack([centers, far])), axes, show_points=False,
                            show_vertices=False, line_colors=style.INK, line_width=1)  # fmt: skip
        axes.set(xlim=limits[0], ylim=limits[1])
    return figure
