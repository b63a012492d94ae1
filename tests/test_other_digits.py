"""What notebook 10 tries, on few and small images."""

import numpy as np
import pandas as pd
import pytest

from mnist_clust.experiments import other_digits


@pytest.fixture(scope="module")
def small():
    images, labels = other_digits.small_digits()
    return images[:600], labels[:600]


def test_small_digits_use_all_grey_levels(small):
    images, labels = small
    assert images.shape == (600, 8, 8) and images.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 255)
    assert set(labels) == set(range(10))


def test_changes_are_what_they_are_called(sample):
    images, labels = sample.train_images[::8], sample.train_labels[::8]
    changed = other_digits.changed_digits(images, labels, seed=1)
    for name, (some, truth) in changed.items():
        assert len(some) == len(truth) and some.dtype == np.uint8, name
        assert some.shape[1:] == (28, 28), name
    moved, _ = changed["moved by up to 3 pixels"]
    ink = images.sum(axis=(1, 2), dtype=int)
    np.testing.assert_array_equal(moved.sum(axis=(1, 2), dtype=int), ink)
    assert (moved != images).any(axis=(1, 2)).mean() > 0.9
    np.testing.assert_array_equal(255 - changed["inverted"][0], images)
    for digit in range(10):
        assert digit not in changed[f"without {digit}"][1]
    sizes = np.bincount(changed["classes of very unequal size"][1], minlength=10)
    assert sizes[0] > 5 * sizes[9] > 0
    again = other_digits.changed_digits(images, labels, seed=1)
    np.testing.assert_array_equal(again["noisy"][0], changed["noisy"][0])
    assert "without 3" not in other_digits.changed_digits(images, None)


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
    table = other_digits.try_sets.__wrapped__(sets)
    assert list(table.index) == list(sets)
    assert table["images"].tolist() == [600, 600, 300]
    assert table.loc["all", "majority"] > 0.8
    assert np.isnan(table.loc["unlabelled", "majority"])
    assert table.loc["all", "n_clusters"] == table.loc["unlabelled", "n_clusters"]


def test_more_labels_name_clusters_better():
    labels = np.repeat(np.arange(10), 50)
    table = other_digits.labels_needed(labels[::-1] // 1, labels, (10, 500), draws=50)
    assert table.loc[500].tolist() == [1, 1, 1], "whoever labels all names all"
    assert table.loc[10, "worst_in_twenty"] < table.loc[10, "mean"] < table.loc[10, "best"] <= 1
    assert table.loc[10, "mean"] == pytest.approx(1 - 0.9**10, abs=0.03), "clusters that were met"


def test_rank_correlations_of_known_orders():
    table = pd.DataFrame(
        {"one_to_one": [0.1, 0.2, 0.3], "silhouette": [1, 2, 3], "kept": [3, 2, 1]}
    )
    assert other_digits.rank_correlations(table).to_dict() == {"silhouette": 1, "kept": -1}
    assert other_digits.rank_correlations(table.assign(one_to_one=np.nan)).empty
