import sys
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from mnist_explorer import app


@pytest.fixture(scope="session")
def few(sample):
    """Every sixth digit of the sample: enough for ten groups, and quick."""
    return sample.train_images[::6], sample.train_labels[::6]


@pytest.fixture(scope="session")
def files(few, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    images, labels = few
    np.savez(folder / "labelled.npz", x_train=images, y_train=labels, x_test=images[:60])
    np.savez(folder / "bare.npz", x_train=images, x_test=images[:60])
    return folder


@pytest.fixture
def visit(files, monkeypatch):
    """Open the page on a file, as the command line does, with what an address asks for."""

    def open_page(name="labelled.npz", **asked):
        monkeypatch.setattr(sys, "argv", ["app.py", str(files / name)])
        page = AppTest.from_file(str(Path(app.__file__)), default_timeout=300)
        for key, value in asked.items():
            page.query_params[key] = value
        page.run()
        assert not page.exception
        return page

    return open_page
