"""Maps of more points than can be drawn one by one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from mnist_clust.plots.style import new_figure, styled


@styled
def density_map(
    counts: npt.NDArray[np.integer],
    extent: tuple[float, float, float, float],
    middles: Mapping[int, tuple[float, float]],
    *,
    title: str = "Images on the map",
) -> Figure:
    """Draw how many points lie where, and the number of each cluster in its middle.

    Parameters
    ----------
    counts : ndarray of int, shape (n_x, n_y)
        Of a grid.
    extent : (float, float, float, float)
        Left, right, bottom and top of the grid.
    middles : mapping of int to (float, float)
        By cluster.
    title : str
    """
    figure = new_figure(title, 10, 10)
    axes = figure.add_subplot()
    shown = np.ma.masked_equal(counts.T, 0)
    image = axes.imshow(
        shown, origin="lower", extent=extent, cmap="viridis_r", norm=LogNorm(vmin=1)
    )
    for cluster, (x, y) in middles.items():
        disc = {"boxstyle": "circle", "facecolor": "white", "edgecolor": "black"}
        axes.text(x, y, str(cluster), ha="center", va="center", bbox=disc)
    figure.colorbar(image, ax=axes, shrink=0.5, label="images in a cell")
    axes.set_axis_off()  # coordinates on a map mean nothing
    return figure
