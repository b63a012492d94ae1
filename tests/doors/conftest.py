"""What the doors have in common: how they refuse, and somebody whom files can be closed to."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import open_folder
from sklearn.datasets import load_digits as small_digits

from mnist_clust.pipeline import ImageClusterer


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's own."""
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def model() -> ImageClusterer:
    """A map of images of 8×8, which the kinds of files have, too."""
    rows, _ = small_digits(return_X_y=True)
    images = (rows[:120].reshape(-1, 8, 8) * 15).astype(np.uint8)
    return ImageClusterer(3).fit(images)


@pytest.fixture(scope="session")
def model_folder(model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    model.save(folder)
    return folder


@pytest.fixture(autouse=True)
def no_mnist_of_ones_own(monkeypatch):
    monkeypatch.delenv("MNIST_CLUST_DATA", raising=False)
