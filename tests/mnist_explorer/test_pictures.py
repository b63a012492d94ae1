"""Files from outside: pictures become digits, everything else one sentence."""

import gzip
import io
import pickle
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from helpers import idx_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mnist_clust import DataError, _pictures
from mnist_explorer import pictures


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


# --- decoding ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_images_are_read_as_grey_levels(kind):
    grey = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (40, 1))
    for array in (grey, np.dstack([grey] * 3)):
        assert np.abs(pictures.read_image(encoded(array, kind)).astype(int) - grey).max() <= 3


def test_ink_may_be_in_the_transparency():
    drawn = np.zeros((9, 9, 4), np.uint8)
    drawn[2:7, 4, 3] = 200
    for colour in ((0, 0, 0), (255, 255, 255), (20, 40, 160)):
        drawn[..., :3] = colour
        np.testing.assert_array_equal(pictures.read_image(encoded(drawn)), drawn[..., 3])


def test_sixteen_bits_are_kept():
    deep = np.full((9, 9), 40_000, np.uint16)
    assert (pictures.read_image(encoded(deep)) == 40_000 // 257).all()


def test_too_many_bytes_are_refused_before_anything_looks_at_them(monkeypatch):
    monkeypatch.setattr(_pictures.Image, "open", lambda *_, **__: pytest.fail("was opened"))
    with pytest.raises(DataError, match="more than 5 MB"):
        pictures.read_image(bytes(pictures.MAX_IMAGE_BYTES + 1))


@pytest.mark.parametrize("side", [4001, 9_000, 30_000])
def test_too_many_pixels_are_refused_before_decoding(monkeypatch, side):
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("was decoded"))
    with pytest.raises(DataError, match="16 million pixels"):
        pictures.read_image(png_that_promises(side, side))


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
        pictures.read_image(content)
    assert str(caught.value).count(".") == 1
    assert "PNG or JPEG" in str(caught.value)


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_do_more_than_raise_the_one_error(noise, as_png):
    content = b"\x89PNG\r\n\x1a\n" + noise if as_png else noise
    with pytest.raises(DataError):
        pictures.read_image(content)


def test_a_drawing_arrives_as_drawn_and_nothing_else_does():
    drawing = np.full((28, 28), 255, np.uint8)
    drawing[5:20, 13:16] = 0
    url = pictures.as_url(drawing)
    np.testing.assert_array_equal(pictures.read_drawing(url), drawing)
    for wrong in ("", "/etc/passwd", "file:///etc/passwd", "data:text/html,x", url + "!", url[:60]):
        with pytest.raises(DataError):
            pictures.read_drawing(wrong)


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
    again = np.stack([pictures.like_mnist(digit) for digit in digits])
    alike = [likeness(a, b) for a, b in zip(again, digits, strict=True)]
    assert np.median(alike) > 0.99
    assert np.quantile(alike, 0.05) > 0.9


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(0, 80), st.integers(0, 60), st.booleans())
def test_size_place_and_polarity_do_not_matter(times, above, beside, light_on_dark):
    ink, paper = (255, 0) if light_on_dark else (0, 255)
    picture = np.kron(seven(100, ink, paper), np.ones((times, times), np.uint8))
    picture = np.pad(picture, ((above, 5), (beside, 9)), constant_values=paper)
    assert likeness(pictures.like_mnist(picture), pictures.like_mnist(seven(100))) > 0.99


def test_ink_fits_the_box_and_its_mass_is_in_the_middle():
    for picture in (seven(), seven()[:, ::-1], np.rot90(seven(300))):
        form = pictures.like_mnist(picture)
        rows, columns = np.nonzero(form)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
        assert form.max() == 255
        mass = form.astype(float)
        center = [(mass.sum(axis=1 - axis) @ np.arange(28)) / mass.sum() for axis in (0, 1)]
        np.testing.assert_allclose(center, 14, atol=0.51)


def test_any_shape_can_be_asked_for():
    assert pictures.like_mnist(seven(), (8, 8)).shape == (8, 8)
    assert pictures.like_mnist(seven(), (40, 20)).shape == (40, 20)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_paper_is_refused(level):
    noise = np.random.default_rng(0).integers(0, 6, (50, 60)).astype(np.uint8)
    with pytest.raises(DataError, match="no digit"):
        pictures.like_mnist((np.uint8(level) // 2 + noise).astype(np.uint8))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_no_picture_breaks_it(height, width, seed):
    picture = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    try:
        form = pictures.like_mnist(picture)
    except DataError:
        return
    assert form.shape == (28, 28)
    assert form.dtype == np.uint8


# --- data sets ---------------------------------------------------------------------------------


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def test_data_are_loaded_whatever_their_name_says(images, labels):
    loaded = pictures.read_data(npz(images=images, labels=labels), "../../etc/mine.NPZ")
    assert len(loaded.train_images) + len(loaded.test_images) == 60
    assert loaded.train_labels is not None
    zipped = pictures.read_data(gzip.compress(idx_bytes(images)), "images-idx3-ubyte.gz")
    assert zipped.image_shape == (9, 7)


def test_nothing_is_unpickled(images):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("was unpickled",)

    for content in (npz(images=np.array([Trap()])), pickle.dumps(Trap())):
        with pytest.raises(DataError):
            pictures.read_data(content, "trap.npz")


def test_what_unfolds_to_too_much_is_refused_before_it_unfolds(monkeypatch, images):
    bomb = npz(images=np.zeros((300, 1024, 1024), np.uint8))
    assert len(bomb) < 1_000_000
    promise = gzip.compress(bytes([0, 0, 13, 3]) + struct.pack(">3I", 70_000, 50, 50))
    monkeypatch.setattr(pictures, "MAX_FILE_BYTES", 1_000_000)
    hidden = b"first something else, as a zip may have it" + bomb
    files = {"a.npz": bomb, "b.npz": hidden, "c.gz": promise, "d": bytes(1_000_001)}
    tracemalloc.start()
    for name, content in files.items():
        with pytest.raises(DataError, match=rf"^{name} is larger.*--data"):
            pictures.read_data(content, name)
    assert tracemalloc.get_traced_memory()[1] < 3e6
    tracemalloc.stop()


def zipped(kind, images):
    buffer, array = io.BytesIO(), io.BytesIO()
    np.save(array, images)
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        archive.writestr("images.npy", array.getvalue())
    return buffer.getvalue()


FEW = np.random.default_rng(0).integers(0, 256, (60, 9, 7), dtype=np.uint8)
WHOLE = {
    "stored.npz": zipped(zipfile.ZIP_STORED, FEW),
    "deflated.npz": zipped(zipfile.ZIP_DEFLATED, FEW),
    "bzip2.npz": zipped(zipfile.ZIP_BZIP2, FEW),
    "lzma.npz": zipped(zipfile.ZIP_LZMA, FEW),
    "plain-idx": idx_bytes(FEW),
    "zipped.gz": gzip.compress(idx_bytes(FEW)),
}
# Headers and directories lie at either end of a file, so that is where most damage is done.
places = st.one_of(st.integers(0, 200), st.integers(-200, -1), st.integers(0, 4000))


def read_or_refused(content, name):
    try:
        pictures.read_data(content, name)
    except DataError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 500


@settings(max_examples=200)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"PK\3\4", b"\x1f\x8b\x08", b"\x93NUMPY", b"PAR1"]),
    st.sampled_from([".npz", ".npy", ".gz", ".csv", ".parquet", ".mat"]),
)
def test_no_bytes_do_more_than_be_refused_as_data(noise, magic, ending):
    read_or_refused(magic + noise, f"noise{ending}")


@settings(max_examples=300)
@given(
    name=st.sampled_from(sorted(WHOLE)),
    changes=st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.one_of(st.just(0), st.integers(0, 4000)),
)
def test_damaged_data_are_read_or_refused(name, changes, cut):
    content = bytearray(WHOLE[name])
    for place, value in changes:
        content[place % len(content)] = value
    read_or_refused(bytes(content[: max(0, len(content) - cut)]), name)


def test_errors_name_the_file_as_its_owner_did(images):
    with pytest.raises(DataError, match=r"^mine\.npz holds") as caught:
        pictures.read_data(npz(pictures=images), "C:\\somewhere\\mine.npz")
    assert "/tmp" not in str(caught.value)


def test_a_name_is_shown_as_plain_text(images):
    name = "![x](http://example.org/a.png)<b>.npz"
    with pytest.raises(DataError) as caught:
        pictures.read_data(b"nothing", name)
    assert not set("![]<>:/") & set(str(caught.value).split(".npz")[0])
    notice = pictures.read_data(npz(images=np.stack([images] * 3, -1)), name).notices[0]
    assert notice.startswith("a.png)_b_.npz: the colour")


FETCHING = "![x](http://evil/a.png)"


@pytest.mark.parametrize(
    "content",
    [
        npz(**{FETCHING: np.zeros(3)}),
        npz(**{f"{FETCHING}{i}": np.zeros(3) for i in range(40)}),
        npz(images=np.zeros(60, [(FETCHING, "u1")])),
        npz(images=FEW, labels=np.zeros(60, [(FETCHING, "u1")])),
        npz(**{"images": FEW}).replace(b"images.npy", b"![x](//e)/"),
    ],
    ids=["array", "many arrays", "field", "field of labels", "entry of the directory"],
)
def test_what_a_message_quotes_of_a_file_is_shown_as_plain_text(content):
    with pytest.raises(DataError) as caught:
        pictures.read_data(content, "mine.npz")
    assert str(caught.value).startswith("mine.npz holds")
    assert not set("![]<>/`*$") & set(str(caught.value)), "no Markdown"
    assert len(str(caught.value)) <= pictures.LONGEST


def test_a_name_is_shown_once(images):
    with pytest.raises(DataError, match=r"^my upload\.npz holds"):
        pictures.read_data(npz(pictures=images), "my upload.npz")
    long = pictures.read_data(npz(images=np.stack([images] * 3, -1)), "x" * 5000 + ".npz")
    assert len(long.notices[0]) < 200
