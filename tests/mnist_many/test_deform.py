import numpy as np
import pytest

from mnist_many.deform import KNOTS, _spline, deform, labels_of_copies


@pytest.fixture(scope="module")
def originals(sample):
    return sample.train_images[:90]


def test_a_copy_depends_on_seed_and_number_alone(originals):
    numbers = np.arange(1000, 1300)
    copies = deform(originals, numbers)
    assert copies.dtype == np.uint8
    assert copies.shape == (300, 28, 28)
    shuffled = np.random.default_rng(0).permutation(300)
    np.testing.assert_array_equal(deform(originals, numbers[shuffled]), copies[shuffled])
    np.testing.assert_array_equal(deform(originals, [1007])[0], copies[7])
    assert (deform(originals, numbers, seed=1) != copies).any(axis=(1, 2)).all()
    assert deform(originals, []).shape == (0, 28, 28)


def test_copies_of_one_original_differ_and_stay_near_it(originals):
    copies = deform(originals, 7 + 90 * np.arange(500)).astype(float)
    assert len(np.unique(copies.reshape(500, -1), axis=0)) == 500
    ink = originals[7].sum()
    assert 0.7 * ink < copies.sum(axis=(1, 2)).min()
    assert copies.sum(axis=(1, 2)).max() < 1.4 * ink
    rows = np.arange(28)
    middles = (copies.sum(axis=2) @ rows) / copies.sum(axis=(1, 2))
    middle = (originals[7].sum(axis=1) @ rows) / ink
    assert abs(middles.mean() - middle) < 0.3, "shifts go either way"
    assert 0.5 < middles.std() < 2


def test_most_copies_are_nearest_to_their_own_kind(sample):
    copies = deform(sample.train_images, np.arange(4000, 4500))
    labels = labels_of_copies(sample.train_labels, np.arange(4000, 4500))
    np.testing.assert_array_equal(labels, sample.train_labels[:500])
    known = sample.train_images.reshape(4000, -1).astype(np.float32)
    flat = copies.reshape(500, -1).astype(np.float32)
    apart = (known**2).sum(axis=1) - 2 * flat @ known.T
    apart[np.arange(500), np.arange(500)] = np.inf  # but for the original itself
    assert (sample.train_labels[apart.argmin(axis=1)] == labels).mean() > 0.85


def test_any_size_of_image(images):
    copies = deform(images, np.arange(120))
    assert copies.shape == (120, 9, 7)
    blank = np.zeros((1, 40, 64), np.uint8)
    np.testing.assert_array_equal(deform(blank, [3]), blank)


def test_the_field_is_smooth_and_its_knots_weigh_one():
    weights = _spline(28)
    assert weights.shape == (28, KNOTS)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    assert np.abs(np.diff(weights, n=2, axis=0)).max() < 0.08
