"""Photos become digits, everything else one sentence."""

import io
import pickle
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from photographs import CONDITIONS, photograph
from PIL import Image

from mnist_clust import DataError
from mnist_explorer import photos, pictures
from mnist_explorer.results import SHARP, Atlas


def encoded(array, kind="PNG", mode=None):
    buffer = io.BytesIO()
    Image.fromarray(array, mode).save(buffer, format=kind)
    return buffer.getvalue()


def png_that_promises(width, height):
    """A PNG of a few bytes whose header promises many pixels."""

    def chunk(kind, body):
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def likeness(a, b):
    return np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1]


@pytest.fixture(scope="module")
def atlas_of_sample(sample):
    return Atlas(sample)


# --- decoding ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "HEIF"])
def test_images_are_read_as_grey_levels(kind):
    grey = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (40, 1))
    for array in (grey, np.dstack([grey] * 3)):
        assert np.abs(photos.read_photo(encoded(array, kind)).astype(int) - grey).max() <= 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_large_photo_is_reduced_and_stays_upright(kind):
    wide = np.full((2000, 4000), 255, np.uint8)
    wide[:, :400] = 0
    assert photos.read_photo(encoded(wide, kind)).shape == (photos.SIDE // 2, photos.SIDE)
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # as a phone held upright says it: turn by 90 degrees to the right
    Image.fromarray(wide).save(buffer, kind, exif=exif)
    upright = photos.read_photo(buffer.getvalue())
    assert upright.shape == (photos.SIDE, photos.SIDE // 2)
    assert upright[:40].max() < 40
    assert upright[200:].min() > 215


def test_ink_may_be_in_the_transparency():
    drawn = np.zeros((9, 9, 4), np.uint8)
    drawn[2:7, 4, 3] = 200
    for colour in ((0, 0, 0), (255, 255, 255), (20, 40, 160)):
        drawn[..., :3] = colour
        np.testing.assert_array_equal(photos.read_photo(encoded(drawn)), drawn[..., 3])


def test_sixteen_bits_are_kept():
    deep = np.full((9, 9), 40_000, np.uint16)
    assert (photos.read_photo(encoded(deep)) == 40_000 // 257).all()


def test_a_photo_of_sixteen_bits_is_turned_as_it_was_held():
    tall = Image.fromarray(np.full((90, 60), 40_000, np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    tall.save(written := io.BytesIO(), "PNG", exif=exif)
    assert photos.read_photo(written.getvalue()).shape == (60, 90)


def test_too_many_bytes_are_refused_before_anything_looks_at_them(monkeypatch):
    monkeypatch.setattr(photos.Image, "open", lambda *_, **__: pytest.fail("was opened"))
    with pytest.raises(DataError, match="more than 25 MB"):
        photos.read_photo(bytes(photos.PHOTOS.n_bytes + 1))


@pytest.mark.parametrize("side", [8001, 9_000, 30_000])
def test_too_many_pixels_are_refused_before_decoding(monkeypatch, side):
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("was decoded"))
    with pytest.raises(DataError, match="64 million pixels"):
        photos.read_photo(png_that_promises(side, side))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an image",
        b"GIF89a" + bytes(100),
        pickle.dumps({"an": "object"}),
        encoded(np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8))[:900],
        png_that_promises(100, 100),
        encoded(np.eye(20, dtype=np.uint8), "TIFF"),
    ],
)
def test_what_is_no_image_gets_one_sentence(content):
    with pytest.raises(DataError) as caught:
        photos.read_photo(content)
    assert str(caught.value).count(".") == 1
    assert "PNG, JPEG or HEIC" in str(caught.value)


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_do_more_than_raise_the_one_error(noise, as_png):
    content = b"\x89PNG\r\n\x1a\n" + noise if as_png else noise
    with pytest.raises(DataError):
        photos.read_photo(content)


def test_a_drawing_arrives_as_drawn_and_nothing_else_does():
    drawing = np.full((28, 28), 255, np.uint8)
    drawing[5:20, 13:16] = 0
    url = pictures.as_url(drawing)
    np.testing.assert_array_equal(photos.read_drawing(url), drawing)
    for wrong in ("", "/etc/passwd", "file:///etc/passwd", "data:text/html,x", url + "!", url[:60]):
        with pytest.raises(DataError):
            photos.read_drawing(wrong)


# --- the form of MNIST -------------------------------------------------------------------------


def seven(size=200, ink=0, paper=255):
    picture = np.full((size, size), paper, np.uint8)
    picture[size // 5 : size // 5 + size // 12, size // 4 : 3 * size // 4] = ink
    for row in range(size // 5, 4 * size // 5):
        middle = 3 * size // 4 - (row - size // 5) // 2
        picture[row, middle - size // 12 : middle] = ink
    return picture


def test_mnist_digits_come_back_nearly_as_they_are(sample):
    digits = sample.train_images[::40]
    again = np.stack([photos.cut_digit(digit).digit for digit in digits])
    alike = [likeness(a, b) for a, b in zip(again, digits, strict=True)]
    assert np.median(alike) > 0.99
    assert np.quantile(alike, 0.05) > 0.9


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(0, 80), st.integers(0, 60), st.booleans())
def test_size_place_and_polarity_do_not_matter(times, above, beside, light_on_dark):
    ink, paper = (255, 0) if light_on_dark else (0, 255)
    picture = np.kron(seven(100, ink, paper), np.ones((times, times), np.uint8))
    picture = np.pad(picture, ((above, 5), (beside, 9)), constant_values=paper)
    assert likeness(photos.cut_digit(picture).digit, photos.cut_digit(seven(100)).digit) > 0.99


def test_ink_fits_the_box_and_its_mass_is_in_the_middle():
    for picture in (seven(), seven()[:, ::-1], np.rot90(seven(300))):
        form = photos.cut_digit(picture).digit
        rows, columns = np.nonzero(form)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
        assert form.max() == 255
        mass = form.astype(float)
        center = [(mass.sum(axis=1 - axis) @ np.arange(28)) / mass.sum() for axis in (0, 1)]
        np.testing.assert_allclose(center, 14, atol=0.51)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_photo_shows_the_digit_whatever_the_light(sample, condition):
    alike = []
    for index in range(0, 1000, 50):
        digit = sample.test_images[index]
        picture = photograph(digit, condition, index)
        cut = photos.cut_digit(picture)
        clean = photos.cut_digit(photograph(digit, "even light", index))
        alike.append(likeness(cut.digit, clean.digit))
        assert cut.picture is picture
        assert 80 < max(cut.crop.shape) < 180, "of 480"
    assert np.median(alike) > 0.95
    assert min(alike) > 0.65, "of thin strokes, which half a pixel moves"


@pytest.mark.slow
@pytest.mark.parametrize("condition", CONDITIONS)
def test_photos_of_twenty_digits_land_with_their_kind(sample, atlas_of_sample, condition):
    known = atlas_of_sample.clustering(SHARP, 2, 10, lambda *_: None)

    def place(images):
        places, _, unlike = atlas_of_sample.place(np.stack(images), 10, lambda *_: None)
        return known.names[places.cluster], unlike

    truth, images = sample.test_labels, sample.test_images
    right = np.flatnonzero(place(images)[0] == truth)  # what the map itself gets wrong is no test
    some = np.concatenate([right[truth[right] == digit][:2] for digit in range(10)])
    photographed = [photos.cut_digit(photograph(images[i], condition, i)).digit for i in some]
    names, unlike = place(photographed)
    np.testing.assert_array_equal(names, truth[some])
    assert unlike is None


def test_any_shape_can_be_asked_for():
    assert photos.cut_digit(seven(), (8, 8)).digit.shape == (8, 8)
    assert photos.cut_digit(seven(), (40, 20)).digit.shape == (40, 20)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_paper_is_refused(level):
    noise = np.random.default_rng(0).integers(0, 6, (50, 60)).astype(np.uint8)
    with pytest.raises(DataError, match="no digit"):
        photos.cut_digit((np.uint8(level) // 2 + noise).astype(np.uint8))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_no_picture_breaks_it(height, width, seed):
    picture = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    try:
        form = photos.cut_digit(picture).digit
    except DataError:
        return
    assert form.shape == (28, 28)
    assert form.dtype == np.uint8
