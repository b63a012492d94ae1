import numpy as np
import pytest

from mnist_clust.experiments.out_of_distribution import (
    distances_to_known,
    familiar_limit,
    make_unfamiliar,
)

KINDS = ["letters", "upside down", "quarters moved", "inverted", "noise"]


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (20, 33)])
def test_unfamiliars_are_images_of_the_same_size_that_the_seed_decides(shape):
    images = np.random.default_rng(0).integers(0, 256, (7, *shape), dtype=np.uint8)
    drawn = make_unfamiliar(images, n_each=12, random_state=3)
    again = make_unfamiliar(images, n_each=12, random_state=3)
    assert list(drawn) == KINDS
    for kind, pictures in drawn.items():
        assert pictures.shape == (12, *shape)
        assert pictures.dtype == np.uint8
        np.testing.assert_array_equal(pictures, again[kind])
    assert drawn["letters"].max() > 200, "there is ink"


def test_kinds_are_made_of_the_digits_they_are_made_of(sample):
    drawn = make_unfamiliar(sample.test_images, n_each=50)
    turned = drawn["upside down"][:, ::-1, ::-1]
    np.testing.assert_array_equal(drawn["inverted"], 255 - turned)
    ink = turned.reshape(50, -1).sum(axis=1, dtype=int)
    np.testing.assert_array_equal(drawn["noise"].reshape(50, -1).sum(axis=1, dtype=int), ink)
    np.testing.assert_array_equal(np.roll(drawn["quarters moved"], (14, 14), (1, 2)), turned)


def test_what_is_far_is_measured_as_far(sample):
    known = sample.train_images
    kinds = {"known": sample.train_images[:30], "inverted": 255 - sample.train_images[:30]}
    for by_kind in distances_to_known(known, kinds).values():
        assert list(by_kind) == ["known", "inverted"]
        assert by_kind["known"].max() < 0.01 < by_kind["inverted"].min()


def test_the_limit_leaves_out_one_in_a_hundred():
    assert np.mean(np.arange(1000) > familiar_limit(np.arange(1000))) == pytest.approx(0.01)
