"""How much memory a map takes."""

from __future__ import annotations

from numba_tsne.neighbors import searches_all

NUMBER = 4  # bytes, of single precision and of an index
OTHER = 64  # bytes a point, of what is small
SAFETY = 1.15


def estimate_memory(
    n_samples: int, n_features: int, n_components: int = 2, *, n_neighbors: int = 90
) -> int:
    """Estimate the most memory that `TSNE.fit` takes beside the rows that it is given.

    Parameters
    ----------
    n_samples, n_features : int
        Size of the data, in single precision; in double precision, count each feature twice.
    n_components : int, default 2
        Dimensions of the map.
    n_neighbors : int, default 90
        Neighbours a point: three times the perplexity, or ``TSNE(n_neighbors=...)``.

    Returns
    -------
    int
        Bytes. What Python and its libraries take, some 300 million, comes on top.

    Examples
    --------
    >>> from numba_tsne import estimate_memory
    >>> round(estimate_memory(1_000_000, 50, n_neighbors=15) / 1e9, 1)
    2.2
    """
    rows = NUMBER * n_samples * n_features
    edges = 2 * NUMBER * n_samples * n_neighbors  # an index and a number each
    cells = 0.0 if searches_all(n_samples, n_features) else 2 * n_samples**1.5 / 6
    places = NUMBER * n_samples * n_components
    search = 6 * rows + 3 * edges + cells
    # One direction and the other, both together, and those twice while points are renumbered.
    descent = rows + 6 * edges + 16 * places
    end = 6 * rows + 3 * edges
    return int(SAFETY * max(search, descent, end) + OTHER * n_samples)
