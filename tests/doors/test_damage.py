"""Damage everywhere: each place a file can be cut, each byte flipped, and promises not kept."""

import contextlib
import io
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kinds
import numpy as np
import pytest
from helpers import idx_bytes, in_its_own_process
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kinds import IMAGES, UNREADABLE
from PIL import Image

from image_files.reading import read_array, read_idx, read_mat, read_npz
from image_files.tables import read_csv, read_parquet
from mnist_clust import DataError
from mnist_clust.pipeline import ImageClusterer
from mnist_explorer import photos

pytestmark = pytest.mark.slow

SMALL = IMAGES[:3, :4, :4]
MEMORY = 48e6  # three of the pieces that files are read in
FLIPS = (*(1 << bit for bit in range(8)), 0xFF)


def picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(IMAGES[0]).save(buffer, kind)
    return buffer.getvalue()


def saved_map() -> bytes:
    """The smallest that is one."""
    random = np.random.default_rng(0)
    return kinds.npz(
        mean=random.random(4, np.float32),
        components=random.random((2, 4), np.float32),
        rows=random.random((3, 2), np.float32),
        embedding=random.random((3, 2), np.float32),
        clusters=np.arange(3, dtype=np.int32),
        image_shape=np.array([8, 8]),
        usual=np.array([0.1, 1, 2]),
        form=np.array([255.0, 0, 0]),
        parameters=np.frombuffer(b'{"n_neighbors": 2}', np.uint8),
    )


def read_map(path: Path) -> dict[str, Any]:
    path.with_name("model.npz").unlink(missing_ok=True)
    path.rename(path.with_name("model.npz"))
    model = ImageClusterer.load(path.parent)
    return {"rows": model.rows_, "places": model.embedding_, "clusters": model.labels_}


FORMATS: dict[str, tuple[bytes, Callable[[Path], Any]]] = {
    "idx": (idx_bytes(SMALL), read_idx),
    "gz": (kinds.gz(idx_bytes(SMALL)), read_idx),
    "npy": (kinds.as_npy(SMALL), read_array),
    "npz": (kinds.npz(images=SMALL), read_npz),
    "mat": (kinds.as_mat(X=SMALL), read_mat),
    "plain mat": (kinds.as_mat(False, X=SMALL), read_mat),
    "csv": (kinds.as_csv(SMALL), lambda path: read_csv(path, print)),
    "parquet": (kinds.as_parquet(x=SMALL.tolist()), lambda path: read_parquet(path, print)),
    "saved map": (saved_map(), read_map),
    "PNG": (picture("PNG"), lambda path: photos.read_photo(path.read_bytes())),
    "JPEG": (picture("JPEG"), lambda path: photos.read_photo(path.read_bytes())),
}
CHECKED = ("gz", "npz", "saved map")  # hold a checksum of every value


def arrays_of(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {"images": found}


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


def read_or_refuse(read: Callable[[Path], Any], path: Path, content: bytes) -> Any:
    """Read what may be damaged; None if it was refused, in one sentence."""
    path.unlink(missing_ok=True)  # overwriting, some file systems wait for the disk
    path.write_bytes(content)
    try:
        return read(path)
    except DataError as error:
        assert "\n" not in str(error)
        assert str(error).endswith(".")
        return None


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_cut_anywhere(name, tmp_path):
    whole, read = FORMATS[name]
    assert read_or_refuse(read, tmp_path / "x", whole) is not None
    for length in range(len(whole)):
        found = read_or_refuse(read, tmp_path / "x", whole[:length])
        # A JPEG without its last marks is whole as far as anybody can see, and so is a table.
        as_if_whole = name in ("JPEG", "PNG", "csv")
        assert as_if_whole or not found, f"{length} of {len(whole)} bytes"


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_with_any_byte_flipped(name, tmp_path):
    whole, read = FORMATS[name]
    true = arrays_of(read_or_refuse(read, tmp_path / "x", whole))
    flips = FLIPS[-2:] if len(whole) > 500 else FLIPS
    for place in range(len(whole)):
        for flip in flips:
            damaged = bytearray(whole)
            damaged[place] ^= flip
            found = read_or_refuse(read, tmp_path / "x", bytes(damaged))
            if found is None:
                continue
            for key, array in arrays_of(found).items():
                assert array.nbytes <= 16_000_000
                if name in CHECKED:
                    np.testing.assert_array_equal(array, true[key], f"byte {place}, ^ {flip}")


def refuse_promises(folder):
    readers = {".npz": read_npz, ".npy": read_array, ".mat": read_mat}
    readers |= {
        ".csv": lambda path: read_csv(path, print),
        ".parquet": lambda path: read_parquet(path, print),
    }
    for name, (content, _) in UNREADABLE.items():
        with little_memory():
            read = readers.get(Path(name).suffix, read_idx)
            assert read_or_refuse(read, folder / "x", content) is None, name


def read_flipped_headers(folder):
    for name in ("idx", "gz", "npy", "npz"):
        whole, read = FORMATS[name]
        with little_memory():
            for place in range(min(len(whole), 200)):
                damaged = bytearray(whole)
                damaged[place] ^= 0x80
                read_or_refuse(read, folder / "x", bytes(damaged))


def test_promises_are_not_believed(tmp_path):
    """Every unreadable kind there is: among them bombs, and headers of terabytes."""
    in_its_own_process(refuse_promises, tmp_path)


def test_flipped_headers_allocate_little(tmp_path):
    in_its_own_process(read_flipped_headers, tmp_path)


# --- fuzzing: the examples are what it, or thought, has found -------------------------------------

# Headers lie at either end of a file, so that is where most damage is done.
places = st.one_of(st.integers(0, 200), st.integers(-200, -1), st.integers(0, 4000))
numbers = st.one_of(
    st.integers(0, 9), st.sampled_from([2**31 - 1, 2**31, 2**32 - 1]), st.integers(0, 2**32 - 1)
)
lengths = st.one_of(numbers, st.sampled_from([-1, 2**63, 2**64, True, None, 0.5, "1", 10**400]))
types = st.sampled_from(
    ["|u1", "<f8", ">i2", "|b1", "|O", "|V0", "|S0", "<U3", "<M8[s]", "<c16", "<f2", "<f16", "|V9",
     "", "x", ("|u1", (2,)), (), [("a", "<i4")], [("a", "|O")], [("a", "<i4"), ("a", "<i4")], [()],
     {"a": 1}, None, 3]
)  # fmt: skip


@settings(max_examples=400)
@given(
    kind=st.sampled_from(["idx", "gz", "npy", "npz"]),
    changes=st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.one_of(st.just(0), st.integers(0, 4000)),
)
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, kind, changes, cut):
    whole, read = {
        "idx": (kinds.IDX, read_idx), "gz": (kinds.gz(kinds.IDX), read_idx),
        "npy": (kinds.as_npy(IMAGES), read_array), "npz": (kinds.npz(images=IMAGES), read_npz),
    }[kind]  # fmt: skip
    content = bytearray(whole)
    for place, value in changes:
        content[place % len(content)] = value
    content = content[: max(0, len(content) - cut)]
    path = tmp_path_factory.mktemp("damaged") / "x"
    found = read_or_refuse(read, path, bytes(content))
    for array in arrays_of({} if found is None else found).values():
        assert array.nbytes <= 10 * len(content)


@settings(max_examples=300)
@given(
    kind=st.sampled_from([8, 9, 11, 12, 13, 14, 7, 0]),
    shape=st.lists(numbers, max_size=6),
    body=st.binary(max_size=40),
    zipped=st.booleans(),
)
@example(8, [1] * 200, b"1", False)
@example(8, [0, 2**32 - 1, 2**32 - 1], b"", False)
@example(8, [2**32 - 1] * 255, b"", False)
@example(14, [10**6, 10**6], b"", True)
def test_any_idx_header_is_read_or_refused(tmp_path_factory, kind, shape, body, zipped):
    content = bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + body
    path = tmp_path_factory.mktemp("headers") / "x"
    found = read_or_refuse(read_idx, path, kinds.gz(content) if zipped else content)
    assert found is None or found.nbytes == len(body)


@settings(max_examples=400)
@given(
    shape=st.one_of(st.lists(lengths, max_size=5).map(tuple), lengths),
    descr=types,
    body=st.binary(max_size=40),
    version=st.sampled_from([1, 1, 1, 2, 3]),
    zipped=st.booleans(),
)
@example((3,), "|V0", b"", 1, False)
@example((2,), ("|u1", (2,)), b"1234", 1, False)
@example((2,), (), b"12", 1, False)
@example((True, True), "|u1", b"1", 1, False)
@example((0, 10**18, 10**18), "|u1", b"", 1, False)
@example((1,) * 100, "|u1", b"1", 1, True)
def test_any_npy_header_is_read_or_refused(tmp_path_factory, shape, descr, body, version, zipped):
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    content = kinds.npy(f"{header}\n".encode(), version) + body
    path = tmp_path_factory.mktemp("headers") / "x"
    read = read_npz if zipped else read_array
    found = read_or_refuse(read, path, kinds.zipped(content) if zipped else content)
    for array in arrays_of({} if found is None else found).values():
        assert array.nbytes == len(body)
