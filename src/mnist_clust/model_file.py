"""A fitted `ImageClusterer` on disk: plain arrays in one ``.npz``, checked before they are used."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from image_files.pixels import Form
from image_files.reading import DataError, read_npz
from mnist_clust.components import Components, Rows
from mnist_clust.likeness import Usual

Arrays = dict[str, npt.NDArray[Any]]
MODEL_FILE = "model.npz"
FORMAT = 2  # before 2 it held less, and before 1 no number


class SavedParts(NamedTuple):
    """What `ImageClusterer.assign` needs; each is described there."""

    components: Components
    rows: Rows
    embedding: Rows
    labels: npt.NDArray[np.int32]
    image_shape: tuple[int, int]
    form: Form
    usual: Usual | None
    names: list[str]  # none in files of earlier versions


def pack(parts: SavedParts, parameters: Mapping[str, object]) -> bytes:
    """Return the content of a model's file; nothing in it is pickled."""
    buffer = io.BytesIO()
    text = json.dumps(parameters, default=lambda value: value.item())
    np.savez(
        buffer,
        mean=parts.components.mean_,
        components=parts.components.components_,
        rows=parts.rows,
        embedding=parts.embedding,
        clusters=parts.labels,
        image_shape=np.array(parts.image_shape),
        form=np.array(astuple(parts.form), float),
        usual=np.array(parts.usual or ()),
        names=np.frombuffer(json.dumps(parts.names).encode(), np.uint8),
        parameters=np.frombuffer(text.encode(), np.uint8),
        format=np.array(FORMAT),
    )
    return buffer.getvalue()


def unpack(path: Path) -> tuple[SavedParts, dict[str, Any]]:
    """Read a model's parts and parameters, of this format or an older one; or raise DataError."""
    if not path.is_file():
        raise DataError(
            f"{path.parent} holds no {MODEL_FILE}: give the folder that 'cluster' wrote."
        )
    arrays = read_npz(path)
    try:
        if int(arrays.get("format", np.array(0)).max()) > FORMAT:
            raise DataError(f"{path} was written by a newer version of mnist-clust: install that.")
        parameters = json.loads(arrays["parameters"].tobytes())
        if not isinstance(parameters, dict):
            raise TypeError("parameters without names")
        parameters.pop("max_clusters", None)  # of versions that tried numbers of clusters
        # Formats up to 1 knew neither what is usual nor how images were brought to grey.
        arrays.setdefault("usual", np.empty(0))
        arrays.setdefault("form", np.array(astuple(Form()), float))
        names = json.loads(arrays["names"].tobytes()) if "names" in arrays else []
        _check(arrays, parameters, names)
    except DataError:
        raise
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise no_map(path, error) from error
    components = Components(len(arrays["components"]))
    height, width = arrays["image_shape"].tolist()
    full, inverted, resized = arrays["form"].tolist()
    parts = SavedParts(
        components.of(arrays["mean"], arrays["components"]),
        arrays["rows"], arrays["embedding"], arrays["clusters"],
        (height, width),
        Form(full, bool(inverted), bool(resized)),
        Usual(*arrays["usual"].tolist()) if arrays["usual"].size else None,
        names,
    )  # fmt: skip
    return parts, parameters


def no_map(path: Path, error: Exception) -> DataError:
    """Say what a file lacks to be a saved map."""
    return DataError(f"{path} is not a saved map ({error}): run 'cluster' again to make one.")


def _check(arrays: Arrays, parameters: Mapping[str, object], names: object) -> None:
    n, features = arrays["rows"].shape
    clusters, usual, form = (arrays[name] for name in ("clusters", "usual", "form"))
    shapes = {"embedding": (n, 2), "clusters": (n,), "image_shape": (2,), "form": (3,)}
    if any(arrays[name].shape != shape for name, shape in shapes.items()):
        raise ValueError("arrays of different lengths")
    mean = arrays["mean"]
    if mean.ndim != 1 or arrays["components"].shape != (features, *mean.shape):
        raise ValueError("components of another shape")
    if usual.shape not in ((3,), (0,)) or not 0 < form[0] <= 255:
        raise ValueError("no likeness")
    numbers = ("mean", "components", "rows", "embedding", "usual", "form")
    if not all(arrays[name].dtype.kind in "fiu" for name in numbers):
        raise ValueError("values that are no real numbers")
    if not all(np.isfinite(arrays[name]).all() for name in numbers):
        raise ValueError("values that are not finite")
    if not all(np.issubdtype(arrays[a].dtype, np.integer) for a in ("clusters", "image_shape")):
        raise ValueError("numbers that are not whole")
    if clusters.min() < 0 or clusters.max() >= n:
        raise ValueError("clusters of other images")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("names that are none")
    if names and len(names) != clusters.max() + 1:
        raise ValueError("names of other clusters")
    if not isinstance(n_neighbors := parameters["n_neighbors"], int) or n_neighbors < 1:
        raise ValueError("no neighbours")
