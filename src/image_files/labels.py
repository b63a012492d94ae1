"""Labels that somebody wrote down: read, checked, and kept in proportion where images are split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from image_files.pixels import Notify
from image_files.reading import Array, DataError

Labels = npt.NDArray[np.int64]
UNLABELLED = -1
LABEL_NAMES = {"label", "labels", "class", "target", "digit", "y"}  # of columns and arrays
MAX_CLASSES = 200  # more are no classes, and tables of them exhaust the memory
HELD_BACK = 0.2  # of the images, where the source has no test part
_SPLIT_SEED = 0
_NAMES_SHOWN = 12  # of classes, in a notice


def numbered(labels: Sequence[Any], name: str, notify: Notify) -> Labels:
    """Turn labels into whole numbers: names of classes by their order, what is missing into -1."""
    texts = ["" if label is None else str(label).strip().strip("'\"") for label in labels]
    classes = sorted(set(texts) - {"", "nan"})
    if all(re.fullmatch(r"[-+]?\d{1,18}(\.0*)?", text) for text in classes):
        numbers = {text: int(text.partition(".")[0]) for text in classes}
    else:
        numbers = {text: number for number, text in enumerate(classes)}
        shown = ", ".join(
            f"{number} is {text}" for number, text in enumerate(classes[:_NAMES_SHOWN])
        )
        more = " and so on" if len(classes) > _NAMES_SHOWN else ""
        notify(f"{name}: the classes are numbered by their names: {shown}{more}.")
    return np.array([numbers.get(text, UNLABELLED) for text in texts], np.int64)


def labels_of_folders(classes: Sequence[str], name: str, notify: Notify) -> Labels | None:
    """Give the classes that folders stand for numbers; pictures outside of them have none."""
    folders = set(classes) - {""}
    if len(folders) > MAX_CLASSES:
        notify(
            f"{name}: {len(folders):,} folders are too many to be classes; the images "
            "count as unlabelled."
        )
    if not 0 < len(folders) <= MAX_CLASSES:
        return None
    labels = numbered(classes, name, notify)
    return None if (labels == UNLABELLED).all() else labels


def as_labels(labels: Array | None, n: int, origin: Path) -> Labels | None:
    """Bring labels, one for each of `n` images, to whole numbers, or say what is wrong."""
    if labels is None:
        return None
    if labels.ndim == 2 and labels.shape in ((n, 1), (1, n)):  # as MATLAB has them, and others
        labels = labels.reshape(n)
    if labels.shape != (n,) or labels.dtype.kind not in "ui":
        raise DataError(
            f"{origin} holds {n} images but labels of shape {labels.shape} and type "
            f"{labels.dtype}: give one whole number an image, or no labels."
        )
    n_classes = len(np.unique(labels))
    if n_classes > MAX_CLASSES:
        raise DataError(
            f"{origin} holds {n_classes:,} different labels, and at most {MAX_CLASSES} are read: "
            "give class numbers, or no labels."
        )
    return labels.astype(np.int64)


def without_unknown(
    labels: list[Labels | None], origin: Path, notify: Notify
) -> list[Labels | None]:
    """Say how many labels are unknown; if all are, there are none."""
    known = [part for part in labels if part is not None]
    n, unknown = sum(map(len, known)), sum(int((part == UNLABELLED).sum()) for part in known)
    if unknown:
        notify(
            f"{origin.name}: {unknown:,} of {n:,} images have no label (-1); they are clustered "
            "and not scored."
        )
    return [part if part is not None and (part != UNLABELLED).any() else None for part in labels]


def known_only(labels: npt.ArrayLike, *others: npt.ArrayLike) -> tuple[npt.NDArray[Any], ...]:
    """Return labels, and what else is known of each image, of the labelled images alone."""
    labels = np.asarray(labels)
    known = labels != UNLABELLED
    return labels[known], *(np.asarray(other)[known] for other in others)


def hold_back(n: int, labels: Labels | None) -> tuple[Labels, Labels]:
    """Choose a seeded fifth as test part, in proportion to the classes where they allow it.

    Returns the indices of what stays and of what is held back.
    """
    from sklearn.model_selection import train_test_split

    n_test = round(n * HELD_BACK)
    everything = np.arange(n)
    if n_test < 1:
        return everything, everything[:0]
    stratify = None
    if labels is not None:
        counts = np.unique(labels, return_counts=True)[1]
        if counts.min() >= 2 and n_test >= len(counts):
            stratify = labels
    train, test = train_test_split(
        everything, test_size=n_test, random_state=_SPLIT_SEED, stratify=stratify
    )
    return np.sort(train), np.sort(test)
