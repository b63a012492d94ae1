import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris

from numba_tsne._parallel import Pool


@pytest.fixture(scope="session")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="session")
def small_digits():
    """The 1,797 digits of 8×8 pixels inside scikit-learn."""
    return load_digits(return_X_y=True)


@pytest.fixture
def pool():
    with Pool(2) as pool:
        yield pool


@pytest.fixture
def random():
    return np.random.default_rng(0)
