"""Where the points of a map begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix, diags_array, issparse
from scipy.sparse.linalg import eigsh
from sklearn.decomposition import PCA

from numba_tsne._parallel import one_thread
from numba_tsne.neighbors import Scaling

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from numba_tsne.neighbors import Rows

SPREAD = 1e-4  # standard deviation of the first component before the first iteration
JITTER = 1e-6  # parts points that begin at the same place
REACH = 1e5  # of a start; points that are farther apart would never meet
NARROWEST = 1e-20  # reach of a start whose points coincide for all that float32 can do
FEW = 20  # points up to which all eigenvectors are computed


def given_start(init: ArrayLike, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Check places that the caller has chosen, and centre those that lie far from the origin."""
    start = np.array(init, dtype=np.float64)
    if start.shape != shape or not np.isfinite(start).all():
        raise ValueError(
            f"init must be finite and of shape {shape}, one row for each row of X; "
            f"its shape is {start.shape}."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        offset = start.mean(axis=0)
        reach = np.abs(start - offset).max()
    if not reach <= REACH:
        raise ValueError(
            f"init reaches {reach:.0e} from its centre, and points move by 5 an iteration at most: "
            f"scale it to below {REACH:.0e}, as a rule to a standard deviation of {SPREAD:g}."
        )
    if reach < NARROWEST:
        raise ValueError(
            "All points of init coincide, so that nothing would part them; "
            'give them places of their own, or choose init="random".'
        )
    return start - offset if np.abs(offset).max() > reach else start


def random_start(shape: tuple[int, int], random: np.random.RandomState) -> NDArray[np.float64]:
    """Draw places."""
    return np.asarray(random.normal(scale=SPREAD, size=shape))


def principal_start(
    X: Rows, n_components: int, random: np.random.RandomState
) -> NDArray[np.float64]:
    """Take the leading principal components of the rows."""
    start = np.asarray(random.normal(scale=JITTER, size=(X.shape[0], n_components)))
    components = min(n_components, *X.shape)
    solver = "auto"
    if issparse(X):
        X = X.astype(np.float64)
        largest = np.abs(X.data).max(initial=0)
        X.data = np.ldexp(X.data, -np.frexp(largest)[1])  # or squares might overflow
        solver = "arpack" if components < min(X.shape) else "covariance_eigh"
    else:
        X, _ = Scaling.of(X).apply(X)
    # One thread, so that no bit depends on how many there are.
    with one_thread("blas"):
        scores = PCA(components, svd_solver=solver, random_state=random).fit_transform(X)
    start[:, :components] += scores * (SPREAD / scores[:, 0].std())
    return start


def spectral_start(
    affinities: csr_matrix, n_components: int, random: np.random.RandomState
) -> NDArray[np.float64]:
    """Take the leading eigenvectors of a random walk along the affinities, but for the constant.

    For points of which nothing is known but their neighbours.

    References
    ----------
    D. Kobak and G. C. Linderman, "Initialization is critical for preserving global data structure
    in both t-SNE and UMAP", Nature Biotechnology 39, 2021.
    """
    n = affinities.shape[0]
    start = np.asarray(random.normal(scale=JITTER, size=(n, n_components)))
    degree = np.asarray(affinities.sum(axis=1, dtype=np.float64)).ravel()
    scale = diags_array(1 / np.sqrt(degree))
    walk: Any = scale @ affinities.astype(np.float64) @ scale
    components = min(n_components, n - 1)
    with one_thread("blas"):
        if n <= FEW:
            _, vectors = np.linalg.eigh(walk.toarray())
        else:
            first = random.normal(size=n)
            values, vectors = eigsh(walk, components + 1, v0=first, tol=1e-4)
            vectors = vectors[:, np.argsort(values)]
    places = scale @ vectors[:, -2 : -2 - components : -1]
    start[:, :components] += places * (SPREAD / max(places[:, 0].std(), JITTER))
    return start
