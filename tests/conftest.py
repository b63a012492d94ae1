from mnist_clust import numerics

numerics.fix()  # before anything below loads NumPy

import gzip
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from helpers import NO_MNIST, idx_bytes, notebooks_for_the_sample
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from mnist_clust.data import Digits, load_digits, mnist_is_local
from mnist_report.report import Report, make_report

# No busy machine and no luck may fail a test: no deadlines, the same examples in every run.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.load_profile("steady")

# What each of the two workers of `make test` does alone is a file; both that look at the sample's
# report are one, and a report of its own and each stored notebook are others. Longest first, so
# that no worker is left alone at the end.
STORED = "tests/notebooks/test_stored_outputs.py"
REPORT = ("tests/mnist_report/test_report.py", "tests/browser/test_site_in_browser.py")
OWN_REPORT = "test_own_images_without_labels_make_a_report"
FIRST = [
    STORED,
    REPORT[0],
    "tests/test_numerics.py",
    OWN_REPORT,
    "tests/browser/test_explorer_in_browser.py",  # finds maps that the sample's report has kept
    "tests/mnist_report/test_site.py",
    "tests/mnist_many/test_many.py",
    "tests/numba_tsne/test_mnist.py",
    "tests/test_pipeline.py",
    "tests/doors/test_doors.py",
]
# What `make check` leaves out, by what tests look at; files and tests mark themselves, too.
COSTLY = {
    "sample_report": "notebook",
    "full_mnist": "slow",
    **dict.fromkeys(["fitted", "clustered", "drawn"], "slow"),
}


def unit_of(nodeid: str) -> str:
    path, _, name = nodeid.partition("::")
    if path == STORED:
        return nodeid
    if name == OWN_REPORT:
        return name
    return REPORT[0] if path in REPORT else path


class Scheduling(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def remove_node(self, node: WorkerController) -> str | None:
        """Give a crashed worker's tests to the others, but for files that were done.

        With nothing of a file to run, the worker that got it would be waited for without end.
        """
        work = self.assigned_work[node]
        for unit in [name for name, tests in work.items() if all(tests.values())]:
            del work[unit]
        return super().remove_node(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    config.option.loadscopereorder = False  # it would look at how many tests there are
    return Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in {COSTLY[name] for name in item.fixturenames if name in COSTLY}:
            item.add_marker(mark)

    def place(item: pytest.Item) -> tuple[int, str]:
        unit = unit_of(item.nodeid)
        file = unit.partition("::")[0]
        return FIRST.index(file) if file in FIRST else len(FIRST), unit

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
