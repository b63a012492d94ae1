"""Principal components, of each row the same bits alone and among others."""

from __future__ import annotations

from numbers import Integral
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.utils import Tags, check_array
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from numba_tsne._compile import kernel
from numba_tsne._parallel import Pool, one_thread

Rows = npt.NDArray[np.float32]
WIDEST_EXACT = 4_096  # features up to which they come from the covariance, without chance
ROWS_OF_A_TASK = 64  # that a thread takes


class Components(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """scikit-learn's PCA, with a projection that is the same for a row whatever is beside it.

    A library for linear algebra adds up a row of a matrix in one way or another by where it stands,
    so that an image would be described otherwise alone than among others; and on two threads it
    adds up in another order than on one.

    Parameters
    ----------
    n_components : int, default 50
        Fewer if the data have fewer.
    random_state : int, default 0
        For rows so wide that their covariance would take minutes and gigabytes.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,), float32
    components_ : ndarray of shape (n_components, n_features), float32
    """

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "random_state": [Interval(Integral, 0, 2**32 - 1, closed="both")],
    }

    def __init__(self, n_components: int = 50, *, random_state: int = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: object = None) -> Self:
        """Find the components of rows of shape (n, n_features), at least two."""
        self._validate_params()
        known: Rows = validate_data(self, X, dtype=(np.float64, np.float32), ensure_min_samples=2)
        check_array(known, dtype=np.float32)  # what is too large for it cannot be projected
        solver = "covariance_eigh" if known.shape[1] <= WIDEST_EXACT else "randomized"
        kept = min(self.n_components, *known.shape)
        with one_thread():
            pca = PCA(kept, svd_solver=solver, random_state=self.random_state).fit(known)
        return self.of(pca.mean_, pca.components_)

    def of(self, mean: npt.NDArray[np.floating], axes: npt.NDArray[np.floating]) -> Self:
        """Take components that were found before."""
        self.mean_, self.components_ = (np.ascontiguousarray(a, np.float32) for a in (mean, axes))
        self.n_features_in_ = len(self.mean_)
        return self

    def transform(self, X: npt.ArrayLike) -> Rows:
        """Project rows of shape (n, n_features) to (n, n_components), float32.

        Raises
        ------
        ValueError
            If rows are of another width than those fitted, or not all numbers are finite.
        """
        check_is_fitted(self)
        new: Rows = validate_data(self, X, reset=False, dtype=np.float32, order="C")
        rows = np.empty((len(new), len(self.components_)), np.float32)
        with Pool() as pool:
            pool.run(
                lambda start, stop: _project(
                    new[start:stop], self.mean_, self.components_, rows[start:stop]
                ),
                len(new),
                ROWS_OF_A_TASK,
            )
        return rows

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


@kernel
def _project(X: Rows, mean: Rows, axes: Rows, rows: Rows) -> None:
    centered = np.empty_like(mean)
    for i in range(len(X)):
        for j in range(len(mean)):
            centered[j] = X[i, j] - mean[j]
        for axis in range(len(axes)):
            total = np.float32(0)
            for j in range(len(mean)):
                total += centered[j] * axes[axis, j]
            rows[i, axis] = total
