"""A count of the faults that were survived, and small data to try them on."""

import functools
from pathlib import Path

import numpy as np
import pytest
from runs import Place


def pytest_terminal_summary(terminalreporter):
    passed = terminalreporter.getreports("passed")
    noted = [note for test in passed for note in test.user_properties]
    faults = [kind for name, kind in noted if name == "survived"]
    kinds = ", ".join(f"{faults.count(kind)} × {kind}" for kind in dict.fromkeys(faults))
    if faults:
        terminalreporter.write_line(f"{len(faults)} faults survived: {kinds}")


@pytest.fixture
def survived(record_property):
    """Count a fault, by its kind, once all that must hold after it was seen to hold."""
    return functools.partial(record_property, "survived")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """Write a few images, so that runs are short."""
    from mnist_clust.data import load_digits

    digits = load_digits("sample")
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    np.savez(path, images=digits.train_images[:120], labels=digits.train_labels[:120])
    return path


@pytest.fixture
def place(tmp_path, tiny) -> Place:
    return Place(tmp_path, tiny)
