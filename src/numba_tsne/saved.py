"""Fitted maps in files: plain arrays and one line of JSON, nothing pickled."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array, issparse

from image_files.reading import MAX_BYTES, DataError, read_npz
from image_files.writing import write_atomically

if TYPE_CHECKING:
    from numba_tsne.estimator import TSNE
    from numba_tsne.neighbors import NeighborIndex, Rows

FORMAT = 1  # of the file; one that changes what an older reader would understand gets the next
LEARNED = ("kl_divergence_", "n_iter_", "n_features_in_")
ROOM = 2**20  # bytes for the head and the headers
PARTS = ("data", "indices", "indptr", "shape")  # of sparse rows


def write(path: Path, tsne: TSNE, search: NeighborIndex | None) -> None:
    """Write a fitted map, and the rows that new ones are compared with."""
    rows = None if search is None else search.data
    parameters = tsne.get_params(deep=False)
    arrays: dict[str, Any] = {"embedding": tsne.embedding_}
    parameters["n_components"] = tsne.embedding_.shape[1]  # whatever was set since it was fitted
    if search is not None:
        parameters["metric"] = search.metric
    if not isinstance(tsne.init, str):
        arrays["init"] = np.asarray(parameters.pop("init"), np.float64)
    if not isinstance(tsne.random_state, int | np.integer):
        parameters["random_state"] = None
    parameters["callback"] = None
    head = {
        "format": FORMAT,
        "parameters": parameters,
        "learned": {name: getattr(tsne, name) for name in LEARNED if hasattr(tsne, name)},
        "feature_names": list(getattr(tsne, "feature_names_in_", [])),
    }
    if issparse(rows):
        arrays |= {f"rows_{part}": np.asarray(getattr(rows, part)) for part in PARTS}
        arrays["rows_data"] = _shortened(arrays["rows_data"])
    elif rows is not None:
        arrays["rows"] = _shortened(rows)
    if (size := sum(array.nbytes for array in arrays.values())) > MAX_BYTES - ROOM:
        raise ValueError(
            f"The map and its rows take {size / 2**30:.1f} GiB, and {MAX_BYTES / 2**30:.0f} are "
            "read again at most: fit principal components of the rows instead."
        )
    buffer = io.BytesIO()
    text = json.dumps(head, default=lambda value: value.item()).encode()  # NumPy's numbers
    np.savez_compressed(buffer, head=np.frombuffer(text, np.uint8), **arrays)
    write_atomically(path, buffer.getvalue())


def read(path: Path, tsne: TSNE) -> Rows | None:
    """Give a new estimator what a file holds; return the rows."""
    arrays = read_npz(path)
    try:
        head = json.loads(arrays["head"].tobytes())
        if head["format"] > FORMAT:
            raise ValueError("a newer version of mnist-clust wrote it")
        tsne.set_params(**head["parameters"])
        if "init" in arrays:
            tsne.set_params(init=arrays["init"])
        tsne._validate_params()
        rows = _rows(arrays)
        embedding = arrays["embedding"].astype(np.float32, copy=False)
        points = len(embedding) if rows is None else rows.shape[0]
        if embedding.shape != (points, tsne.n_components) or not np.isfinite(embedding).all():
            raise ValueError("places of other points")
        for name in LEARNED:
            if name in head["learned"]:
                setattr(tsne, name, head["learned"][name])
        if rows is not None and rows.shape[1] != tsne.n_features_in_:
            raise ValueError("rows of other features")
        if head["feature_names"]:
            tsne.feature_names_in_ = np.array(head["feature_names"], dtype=object)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} is not a saved map that can be read: {error}.") from error
    tsne.embedding_ = np.ascontiguousarray(embedding)
    return rows


def _shortened(values: Any) -> Any:
    """Take half the room where no digit is lost."""
    with np.errstate(over="ignore"):
        short = values.astype(np.float32)
    return short if np.array_equal(short, values) else values


def _rows(arrays: dict[str, Any]) -> Rows | None:
    """Put rows together again."""
    if "rows_data" in arrays:
        data, indices, pointers, shape = (arrays[f"rows_{part}"] for part in PARTS)
        rows = csr_array((data, indices, pointers), shape=tuple(int(side) for side in shape))
        rows.check_format()
    elif "rows" in arrays:
        data = rows = np.ascontiguousarray(arrays["rows"])
    else:
        return None
    if rows.ndim != 2 or data.dtype.kind != "f" or not np.isfinite(data).all():
        raise ValueError("rows that are no finite numbers")
    return rows
