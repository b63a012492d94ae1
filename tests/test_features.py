import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from mnist_clust.components import Components
from mnist_clust.features import (
    IMAGES_AT_A_TIME,
    Deskew,
    NormalizeSize,
    OrientedGradients,
)

ALL = [Deskew(), NormalizeSize(), OrientedGradients()]
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40))


def slant_of(image):
    down, across = np.indices(image.shape)
    weight = image / image.sum()
    row, column = down - (weight * down).sum(), across - (weight * across).sum()
    return (weight * row * column).sum() / (weight * row * row).sum()


def bar(slant, shape=(28, 28)):
    down, across = np.indices(shape).astype(float)
    middle = (shape[1] - 1) / 2 + slant * (down - (shape[0] - 1) / 2)
    image = np.clip(2 - np.abs(across - middle), 0, 1)
    image[:4] = image[-4:] = 0
    return (255 * image).astype(np.uint8)


@pytest.mark.parametrize("slant", [-0.6, -0.2, 0.0, 0.3, 0.8])
def test_deskewing_straightens_a_slanted_bar(slant):
    image = bar(slant)
    straight = Deskew().transform(image[None])[0]
    assert abs(slant_of(straight)) < 0.01
    assert abs(straight.sum() / (image.sum() / 255) - 1) < 0.02, "ink is kept"


def test_an_upright_image_stays_as_it_is():
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 10:18] = 200
    np.testing.assert_allclose(Deskew().transform(image[None])[0], image / 255, atol=1e-6)


def test_gradients_tell_direction_and_sign():
    ramp = np.tile(np.arange(28, dtype=np.uint8) * 9, (28, 1))
    right, left = OrientedGradients().transform(np.stack([ramp, ramp[:, ::-1]]))
    by_direction = [row.reshape(12, -1).sum(axis=1) for row in (right, left)]
    assert by_direction[0].argmax() == 0, "brighter to the right"
    assert by_direction[1].argmax() == 6, "brighter to the left, half a turn away"
    down = OrientedGradients().transform(np.ascontiguousarray(ramp.T)[None])
    assert down.reshape(12, -1).sum(axis=1).argmax() == 3, "a quarter of a turn"


def test_gradients_do_not_depend_on_contrast_and_have_length_one(sample):
    images = sample.train_images[:20]
    rows = OrientedGradients().transform(images)
    faint = OrientedGradients().transform(images.astype(np.float32) / 1000)
    np.testing.assert_allclose(rows, faint, atol=1e-4)
    np.testing.assert_allclose((rows**2).sum(axis=1) ** 2, (rows**2).sum(axis=1) ** 2)
    np.testing.assert_allclose((rows**4).sum(axis=1), 1, rtol=1e-4)


@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)))
def test_any_image_of_any_size_gives_finite_rows(images):
    for transformer in ALL:
        rows = transformer.fit(images).transform(images)
        assert rows.dtype == np.float32
        assert len(rows) == len(images)
        assert np.isfinite(rows).all()


@pytest.mark.parametrize("value", [0, 7, 255])
def test_blank_and_constant_images_are_no_trouble(value):
    images = np.full((2, 28, 28), value, np.uint8)
    np.testing.assert_allclose(Deskew().transform(images), value / 255, atol=1e-6)
    assert not OrientedGradients().transform(images).any()


def test_batches_do_not_show():
    images = np.random.default_rng(0).integers(0, 256, (IMAGES_AT_A_TIME + 3, 6, 6), dtype=np.uint8)
    for transformer in ALL:
        together = transformer.transform(images)
        np.testing.assert_array_equal(
            together[IMAGES_AT_A_TIME:], transformer.transform(images[IMAGES_AT_A_TIME:])
        )


def test_parameters_are_scikit_learns():
    other = clone(OrientedGradients(n_orientations=8, blur=2.0))
    assert other.get_params() == {"n_orientations": 8, "blur": 2.0, "spacing": 3.0}
    assert other.transform(np.zeros((1, 28, 28), np.uint8)).shape == (1, 8 * 10 * 10)


def test_each_step_brings_digits_closer_to_their_kind(sample):
    """Neighbours of one kind: the ceiling of any clustering by neighbours."""
    images, labels = sample.train_images, sample.train_labels
    pixels = images.reshape(len(images), -1) / np.float32(255)
    straight = Deskew().transform(images)
    steps = [pixels, straight.reshape(pixels.shape), OrientedGradients().transform(straight)]
    score = []
    for rows in steps:
        rows = Components(60).fit_transform(rows.astype(np.float32))
        vote = KNeighborsClassifier(5).fit(rows[::2], labels[::2])
        score.append(vote.score(rows[1::2], labels[1::2]))
    assert score[0] < score[1] < score[2], score


def test_one_size_gives_all_images_the_same_spread():
    small, large = np.zeros((2, 28, 28), np.uint8)
    small[9:19, 10:18] = 200
    large[5:23, 8:21] = 200
    sized = NormalizeSize().transform(np.stack([small, large]))
    down, across = np.indices((28, 28))
    for image in sized:
        weight = image / image.sum()
        for place, wanted in ((down, 5), (across, 4)):
            center = (weight * place).sum()
            assert center == pytest.approx(13.5, abs=0.1)
            spread = np.sqrt((weight * (place - center) ** 2).sum())
            assert spread == pytest.approx(wanted, rel=0.1)
    assert sized[0].sum() > 1.5 * small.sum() / 255, "enlarged"


def test_a_stroke_down_stays_one():
    stroke = np.zeros((1, 28, 28), np.uint8)
    stroke[0, 4:24, 13:15] = 255
    wide = NormalizeSize().transform(stroke)[0].max(axis=0) > 0.5
    assert wide.sum() <= 2 * 1.7 + 1


def test_new_points_get_the_components_of_the_others():
    rng = np.random.default_rng(0)
    known, new = rng.normal(size=(2, 40, 9)).astype(np.float32)
    components = Components(3).fit(known)
    pca = PCA(3, svd_solver="covariance_eigh").fit(known)
    for rows in (known, new, new[:1]):
        np.testing.assert_allclose(components.transform(rows), pca.transform(rows), atol=1e-5)


def test_an_image_is_described_to_the_same_bits_alone_and_among_others(sample):
    rows = sample.flatten()[0][:1500]
    components = Components(50).fit(rows)
    among = components.transform(rows)
    for some in (slice(7, 8), slice(1000, 1300), slice(1499, 1500)):
        np.testing.assert_array_equal(components.transform(rows[some]), among[some])
    pca = PCA(50, svd_solver="covariance_eigh").fit(rows)
    np.testing.assert_allclose(among, pca.transform(rows), atol=1e-4)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([Components(3)])
def test_components_follow_scikit_learns_conventions(estimator, check):
    check(estimator)


def test_components_project_rows_of_their_own_width_alone():
    rows = np.random.default_rng(0).random((60, 40), np.float32)
    components = Components(5).fit(rows)
    # They were read beyond their end.
    for wrong, why in (
        (rows[:, :10], "X has 10 features"),
        (rows[0], "Reshape your data"),
        (np.hstack([rows, rows]), "X has 80 features"),
        (rows * np.nan, "contains NaN"),
    ):
        with pytest.raises(ValueError, match=why):
            components.transform(wrong)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize(
    ("wrong", "scale"), [(Components(0), 1), (Components(0.5), 1), (Components(3), 1e39)], ids=str
)
def test_components_that_cannot_be_had_are_refused(wrong, scale):
    with pytest.raises(ValueError, match=r"must be an int|too large for dtype"):
        wrong.fit(np.random.default_rng(0).random((60, 40)) * scale)


@pytest.mark.parametrize(
    "wrong",
    [
        NormalizeSize(down=0),
        NormalizeSize(across="4"),
        NormalizeSize(most=0.5),
        OrientedGradients(0),
        OrientedGradients(2.5),
        OrientedGradients(blur=0),
        OrientedGradients(spacing=-3),
        OrientedGradients(spacing=np.nan),
    ],
    ids=str,
)
def test_settings_that_describe_nothing_are_refused(wrong, sample):
    for method in (wrong.fit, wrong.transform):
        with pytest.raises(ValueError, match=f"parameter of {type(wrong).__name__} must be"):
            method(sample.train_images[:3])
