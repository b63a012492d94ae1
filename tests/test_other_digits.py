"""What notebook 10 tries, on few and small images."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from mnist_clust.experiments import other_digits


@pytest.fixture(scope="module")
def small():
    images, labels = load_digits(return_X_y=True)
    return (images[:600].reshape(-1, 8, 8) * 15).astype(np.uint8), labels[:600]


def test_what_is_no_digit_is_drawn_alike_for_one_seed():
    first, again = (other_digits.no_digits(40, seed=2) for _ in range(2))
    for name, (images, labels) in first.items():
        assert images.shape == (40, 28, 28) and images.dtype == np.uint8, name
        np.testing.assert_array_equal(images, again[name][0])
        assert len(labels) == 40
    assert first["printed letters"][0].max(axis=(1, 2)).min() > 100, "each is to be seen"


@pytest.mark.slow
def test_settings_differ_and_repeat_to_the_bit(small):
    settings = other_digits.other_settings(1, seed=3)
    assert len(settings) == 1 + 2 * 9 + 1 and len(set(settings.values())) == len(settings)
    few = {name: settings[name] for name in ("chosen", "random 1")}
    first, again = (other_digits.try_settings.__wrapped__(*small, few) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert first.loc["chosen", "images"] == 600
    assert first[["one_to_one", "majority"]].max().max() <= 1
    unlabelled = other_digits.try_settings.__wrapped__(small[0], None, few)
    assert unlabelled[["one_to_one", "majority", "classes"]].isna().all(axis=None)
    pd.testing.assert_series_equal(unlabelled["silhouette"], first["silhouette"])


@pytest.mark.slow
def test_sets_are_scored_each_by_its_own_labels(small):
    images, labels = small
    sets = {"all": small, "unlabelled": (images, None), "halved": (images[:300], labels[:300])}
    table = other_digits.try_sets(sets)
    assert list(table.index) == list(sets)
    assert table["images"].tolist() == [600, 600, 300]
    assert table.loc["all", "majority"] > 0.8
    assert np.isnan(table.loc["unlabelled", "majority"])
    assert table.loc["all", "n_clusters"] == table.loc["unlabelled", "n_clusters"]
