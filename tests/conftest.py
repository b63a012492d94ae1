import gzip
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from helpers import NO_MNIST, idx_bytes, notebooks_for_the_sample

from mnist_clust.data import Digits, load_digits, mnist_is_local
from mnist_clust.report import Report, make_report

# No busy machine and no luck may fail a test: no deadlines, the same examples in every run.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.load_profile("steady")

# `make test` has two workers; what these share is made by one of them alone. In this order: the
# notebooks take longest, and the explorer shows maps that they leave in the cache.
FIRST = ["test_stored_outputs.py", "sample_report", "test_report.py", "test_mnist.py"]
LAST = ["test_explorer_in_browser.py"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give all tests of a file to one worker, and all that look at the sample's report."""

    def place(item: pytest.Item) -> tuple[int, str]:
        shares = "sample_report" in item.fixturenames
        if shares:
            item.add_marker(pytest.mark.notebook)
        group = "sample_report" if shares else item.path.name
        item.add_marker(pytest.mark.xdist_group(group))
        order = [*FIRST, "", *LAST]
        return order.index(group if group in order else ""), group

    items.sort(key=place)


@pytest.fixture(scope="session")
def sample() -> Digits:
    return load_digits("sample")


@pytest.fixture(scope="session")
def sample_report(tmp_path_factory, sample: Digits) -> Report:
    """The notebooks on the sample, and the site made of them."""
    folder = tmp_path_factory.mktemp("report")
    return make_report(sample, "sample", notebooks_for_the_sample(), folder)


@pytest.fixture(scope="session")
def full_mnist() -> Digits:
    if not mnist_is_local():
        pytest.skip(NO_MNIST)
    return load_digits("mnist")


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (60, 9, 7), dtype=np.uint8)


@pytest.fixture
def labels() -> np.ndarray:
    return np.arange(60) % 3


@pytest.fixture
def idx_folder(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> Path:
    """A folder in MNIST's form, one file of it gzipped."""
    folder = tmp_path / "idx"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").write_bytes(idx_bytes(images))
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels)))
    (folder / "t10k-images.idx3-ubyte").write_bytes(idx_bytes(images[:20]))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(labels[:20]))
    return folder
