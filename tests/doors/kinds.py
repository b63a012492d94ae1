"""Files that are no good, or hardly: each a name, how to make it, and what every door says."""

import bz2
import gzip
import io
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import scipy.io
from helpers import idx_bytes
from PIL import Image
from pyarrow import parquet

WORKS = None  # in place of what is said
DOORS = (
    "load_digits", "load_images", "cluster", "assign", "report", "explore", "MNIST_CLUST_DATA",
    "upload", "upload of an image", "drawing",
)  # fmt: skip
WITHOUT_LABELS = ("load_images", "assign")  # which also take any number of images, even equal ones
MNIST = "MNIST_CLUST_DATA"
PICTURES = ("upload of an image", "drawing")

IMAGES = np.random.default_rng(1).integers(0, 256, (60, 8, 8), dtype=np.uint8)
IDX = idx_bytes(IMAGES)


class _Bomb:
    def __reduce__(self):
        return os.system, ("touch exploded",)


def npy(header: bytes, version: int = 1, length: int | None = None) -> bytes:
    size = struct.pack("<H" if version == 1 else "<I", len(header) if length is None else length)
    return b"\x93NUMPY" + bytes([version, 0]) + size + header


def described(shape: str, descr: str = "'|u1'", body: bytes = b"") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n"
    return npy(header.encode()) + body


def promised(*shape: int) -> bytes:
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def gz(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def as_npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def objects() -> np.ndarray:
    array = np.empty(60, object)
    array[:] = [_Bomb()] * 60
    return array


def flipped(content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 0x10
    return bytes(changed)


def zipped(content: bytes, method: int = zipfile.ZIP_DEFLATED, promise: int | None = None) -> bytes:
    """Zip one array; its directory may promise less than there is, or more."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("images.npy", content)
    made = bytearray(buffer.getvalue())
    if promise is not None:
        entry = made.rfind(b"PK\1\2")
        made[entry + 24 : entry + 28] = struct.pack("<I", promise)
    return bytes(made)


def hungry_lzma() -> bytes:
    """An LZMA stream whose header asks for a dictionary of 4 GiB."""
    made = bytearray(zipped(described("(60, 8, 8)", body=IMAGES.tobytes()), zipfile.ZIP_LZMA))
    name = made.index(b"images.npy") + len(b"images.npy")
    made[name + 5 : name + 9] = b"\xff" * 4
    return bytes(made)


def beyond_any_file() -> bytes:
    """A zip whose directory puts its entry at 2⁶⁴ - 1."""
    made = bytearray(npz(images=IMAGES))
    entry = made.rfind(b"PK\1\2")
    name = struct.unpack("<H", made[entry + 28 : entry + 30])[0]
    made[entry + 42 : entry + 46] = b"\xff" * 4
    made[entry + 30 : entry + 32] = struct.pack("<H", 12)
    made[entry + 46 + name : entry + 46 + name] = struct.pack("<HHQ", 1, 8, 2**64 - 1)
    end = made.rfind(b"PK\5\6")
    made[end + 12 : end + 16] = struct.pack("<I", 46 + name + 12)
    return bytes(made)


def unspeakable_name() -> bytes:
    """A zip that says its names are UTF-8, which they are not."""
    made = bytearray(npz(images=IMAGES))
    entry = made.rfind(b"PK\1\2")
    made[entry + 8 : entry + 10] = struct.pack("<H", 0x800)
    made[entry + 46] = 0xFF
    return bytes(made)


def as_csv(array: np.ndarray, labels=None, header: str = "", between: str = ",") -> bytes:
    rows = array.reshape(len(array), -1).astype(object)
    if labels is not None:
        rows = np.column_stack([labels, rows])
    lines = [header] if header else []
    return "\n".join([*lines, *(between.join(map(str, row)) for row in rows), ""]).encode()


def as_parquet(**columns: list) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def as_mat(compress: bool = True, **arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, arrays, do_compression=compress)
    return buffer.getvalue()


def as_png(array: np.ndarray, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def png_that_promises(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises many pixels."""

    def chunk(kind, body):
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


# Light ink on dark paper, as MNIST has it, which is all that a border can tell.
INK = np.pad(IMAGES[:, :6, :6], ((0, 0), (1, 1), (1, 1)))
CLASSES = np.arange(60) % 3
NAMES = "label," + ",".join(f"pixel{i}" for i in range(64))
ALPHA = np.stack([INK * 0] * 3 + [INK], -1)
LONG = b"1," * 63 + b"1\n" + b"1" * 9_000_000 + b"\n"
PICTURED = [{"bytes": as_png(image), "path": "x"} for image in INK]

NO_MAGIC = "no IDX file"
HEADER = "damaged array header"
DAMAGED = "damaged or truncated"
TOO_LARGE = "more than the 2 GiB"
LESS, MORE = "holds less than", "holds more than"
SHAPE = "must have the shape"
TYPE = "save them as uint8"
NO_SQUARE = "make no square image"
NO_PICTURE = "a picture in .* is not a PNG or JPEG image"
UNFOLDS = "unfolds to more than 256 MB"

# Bytes that cannot be read, each under a name; every door that takes such a file says the same.
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "empty.npz": (b"", DAMAGED),
    "empty.npy": (b"", HEADER),
    "empty-idx": (b"", NO_MAGIC),
    "empty.gz": (gz(b""), NO_MAGIC),
    "half.npz": (npz(images=IMAGES)[:2000], DAMAGED),
    "half.npy": (as_npy(IMAGES)[:2000], LESS),
    "half-idx": (IDX[:2000], LESS),
    "half.gz": (gz(IDX)[:2000], DAMAGED),
    "half-a-header.npy": (as_npy(IMAGES)[:60], HEADER),
    "half-a-header-idx": (IDX[:7], "ends inside its header"),
    "flipped.npz": (flipped(npz(images=IMAGES), 2000), DAMAGED),
    "flipped.gz": (flipped(gz(IDX), -6), DAMAGED),
    "flipped-header.npy": (flipped(as_npy(IMAGES), 12), HEADER),
    "flipped-header-idx": (flipped(IDX, 6), LESS),
    "longer.npy": (as_npy(IMAGES) + b"\0", MORE),
    "longer-idx": (IDX + b"\0", MORE),
    "longer.gz": (gz(IDX + b"\0"), MORE),
    "shape-too-small.npz": (zipped(described("(50, 8, 8)", body=IMAGES.tobytes())), MORE),
    "wrong-magic.npz": (b"\x89PNG" + npz(images=IMAGES)[4:], DAMAGED),
    "wrong-magic.npy": (b"\x89PNG" + as_npy(IMAGES)[4:], HEADER),
    "wrong-magic-idx": (b"\x89PNG" + IDX[4:], NO_MAGIC),
    "npy-called.npz": (as_npy(IMAGES), DAMAGED),
    "npz-called.npy": (npz(images=IMAGES), HEADER),
    "npy-called-idx": (as_npy(IMAGES), NO_MAGIC),
    "text.npy": (b"hello\n" * 100, HEADER),
    "wrong-type-idx": (bytes([0, 0, 7, 3]) + IDX[4:], NO_MAGIC),
    "pickle.npy": (pickle.dumps(_Bomb()), HEADER),
    "pickle.npz": (pickle.dumps(_Bomb()), DAMAGED),
    "objects.npz": (npz(images=objects()), "never unpickled"),
    "objects.npy": (as_npy(objects()), "never unpickled"),
    "open-bracket.npy": (npy(b"{'shape': (60, 8, 8), "), HEADER),
    "deep-brackets.npy": (npy(b"((((" * 60), HEADER),
    "many-minuses.npy": (npy(b"-" * 9000 + b"1"), HEADER),
    "no-bytes-a-value.npy": (described("(3,)", "'|V0'"), HEADER),
    "arrays-in-an-array.npy": (described("(2,)", "('|u1', (2,))", b"1234"), HEADER),
    "no-type.npy": (described("(2,)", "()"), HEADER),
    "truths-for-lengths.npy": (described("(True, True, True)", body=b"1"), HEADER),
    "negative.npy": (described("(-1, -8, 8)"), HEADER),
    "version-3.npy": (npy(b" " * 60, 3), HEADER),
    "header-of-4-GiB.npy": (npy(b" " * 60, 2, 2**32 - 1), HEADER),
    "many-axes-idx": (promised(*[1] * 200) + b"1", DAMAGED),
    "huge-axes-idx": (bytes([0, 0, 8, 255]) + b"\xff" * 1020, TOO_LARGE),
    "nothing-of-much-idx": (promised(0, 2**32 - 1, 2**32 - 1), TOO_LARGE),
    "nothing-of-much.npy": (described("(0, 10000000000, 10000000000)"), TOO_LARGE),
    "1e12-images-idx": (promised(10**6, 10**3, 10**3), TOO_LARGE),
    "1e12-images.gz": (gz(promised(10**6, 10**3, 10**3)), TOO_LARGE),
    "1e12-images.npy": (described("(1000000000000, 28, 28)"), TOO_LARGE),
    "1e12-images.npz": (zipped(described("(1000000000000, 28, 28)")), TOO_LARGE),
    "nearly-2-GiB-idx": (promised(2000, 1000, 1000), LESS),
    "nearly-2-GiB.gz": (gz(promised(2000, 1000, 1000)), LESS),
    "more-than-it-says.npz": (zipped(as_npy(IMAGES) + bytes(10**7), promise=4000), DAMAGED),
    "4-GiB-it-says.npz": (zipped(as_npy(IMAGES), promise=2**32 - 2), TOO_LARGE),
    "bzip2.npz": (zipped(as_npy(IMAGES) + bytes(10**7), zipfile.ZIP_BZIP2, 4000), "compressed in"),
    "lzma.npz": (hungry_lzma(), "compressed in a way"),
    "beyond-any-file.npz": (beyond_any_file(), DAMAGED),
    "unspeakable-name.npz": (unspeakable_name(), DAMAGED),
    "bzip2-called-idx": (bz2.compress(IDX), NO_MAGIC),
    "notes.txt": (b"hello", "nor of another kind that is read: give a folder of PNG or JPEG"),
    "images.zip": (npz(images=IMAGES), NO_MAGIC),
    "images.pkl": (pickle.dumps(_Bomb()), NO_MAGIC),
    "empty.csv": (b"", NO_SQUARE),
    "text.csv": (b"hello\n" * 100, NO_SQUARE),
    "bytes.csv": (IMAGES.tobytes(), DAMAGED),
    "ragged.csv": (as_csv(INK) + b"1,2,3\n", DAMAGED),
    "words.csv": (as_csv(INK).replace(b"\n0,", b"\nink,"), DAMAGED),
    "million-columns.csv": (b"1," * 10**6 + b"1\n", "more than 100,000 columns"),
    "endless-line.csv": (LONG, DAMAGED),
    "empty.parquet": (b"", DAMAGED),
    "half.parquet": (as_parquet(image=PICTURED)[:1000], DAMAGED),
    "text.parquet": (b"PAR1" + b"hello" * 100 + b"PAR1", DAMAGED),
    "no-picture.parquet": (as_parquet(image=[b"hello"] * 60), NO_PICTURE),
    "no-bytes.parquet": (as_parquet(image=pa.nulls(60, pa.binary())), NO_PICTURE),
    "ragged.parquet": (as_parquet(pixels=[[1] * 9, [1] * 4] * 30), "lists of different lengths"),
    "few-columns.parquet": (as_parquet(a=[1] * 60, b=[2] * 60), NO_SQUARE),
    "empty.mat": (b"", "no MATLAB file of version 5"),
    "half.mat": (as_mat(X=INK)[:1000], DAMAGED),
    "v7.3.mat": (b"MATLAB 7.3 MAT-file".ljust(600), "version 7.3: save it with '-v7'"),
    "hdf5.mat": (b"\x89HDF\r\n\x1a\n".ljust(600), "version 7.3: save it with '-v7'"),
    "4-GiB-it-says.mat": (as_mat(False, X=INK)[:132] + b"\xff" * 4 + bytes(99), TOO_LARGE),
}  # fmt: skip
# Of an upload, less is read.
UPLOADS: dict[str, str | None] = dict.fromkeys(("nearly-2-GiB-idx", "nearly-2-GiB.gz"), UNFOLDS)
UPLOADS["images.zip"] = WORKS  # arrays in a zip, which an .npz is; else it may hold pictures
UPLOADS |= {name: UNFOLDS for name, (_, said) in UNREADABLE.items() if said == TOO_LARGE}


@dataclass
class Contents:
    """Arrays that can be read; what `load_digits` says, and any door that says something else."""

    content: bytes
    said: str | None
    unlike: dict[str, str | None] = field(default_factory=dict)


def alone(content: bytes, said: str | None, assigned: str | None = WORKS) -> Contents:
    """Give what a map of other images may still place, though nothing can be clustered in it."""
    return Contents(content, said, dict.fromkeys(WITHOUT_LABELS, assigned))


EMPTY = "the array is empty"
MATRIX = "must hold one array of images"
NOTHING, EQUAL = "nothing to cluster below 50", "all training images in .* are equal"
SAME = {"cluster": "the same strokes"}
OTHER_SIZE = {"assign": "bring them to that size"}
FLOATS = IMAGES / 255
CONTENTS: dict[str, Contents] = {
    "no-images.npz": alone(npz(pictures=IMAGES), "name the arrays", "name the array"),
    "no-arrays.npz": alone(npz(), "no arrays", "holds no images"),
    "lengths.npz": alone(npz(images=IMAGES, labels=np.arange(59)), "one whole number an image"),
    "float-labels.npz": alone(npz(images=IMAGES, labels=np.ones(60)), "one whole number an image"),
    "flat.npy": Contents(as_npy(IMAGES.reshape(60, 64)), SHAPE),
    "two-channels.npy": Contents(as_npy(IMAGES.reshape(60, 8, 4, 2)), SHAPE),
    "no-pixels.npy": Contents(as_npy(IMAGES[:, :0]), SHAPE),
    "nan.npy": Contents(as_npy(np.where(IMAGES == 3, np.nan, FLOATS)), "NaN or infinite"),
    "infinite.npy": Contents(as_npy(np.where(IMAGES == 3, np.inf, 0.0)), "NaN or infinite"),
    "minus.npy": Contents(as_npy(IMAGES.astype(int) - 9), "bring them to 0"),
    "large.npy": Contents(as_npy(IMAGES.astype(int) * 9), "bring them to 0"),
    "huge.npy": Contents(as_npy(FLOATS * 1e300), "bring them to 0"),
    "letters.npy": Contents(as_npy(IMAGES.astype(str)), TYPE),
    "complex.npy": Contents(as_npy(IMAGES.astype(complex)), TYPE),
    "dates.npy": Contents(as_npy(IMAGES.astype("M8[s]")), TYPE),
    "blank.npy": alone(as_npy(IMAGES * np.uint8(0)), EQUAL),
    "equal.npy": alone(as_npy(np.repeat(IMAGES[:1], 60, axis=0)), EQUAL),
    "49-images.npy": alone(as_npy(IMAGES[:49]), NOTHING),
    "one-image.npy": alone(as_npy(IMAGES[:1]), NOTHING),
    "no-image.npy": alone(as_npy(IMAGES[:0]), NOTHING, EMPTY),
    "no-image-idx": alone(idx_bytes(IMAGES[:0]), NOTHING, EMPTY),
    "no-test.npz": alone(npz(x_train=IMAGES, x_test=IMAGES[:0]), "each part needs some"),
    "no-training.npz": alone(npz(x_train=IMAGES[:0], x_test=IMAGES), "each part needs some"),
    "sizes.npz": alone(npz(x_train=IMAGES, x_test=IMAGES[:, 1:]), "one size", "one size"),
    "one-pixel.npy": Contents(as_npy(IMAGES[:, :1, :1]), "of one pixel's width or height"),
    "columns.npy": Contents(as_npy(IMAGES.reshape(60, 64, 1)), r"give it the shape \(60, 8, 8\)"),
    "lines.npy": Contents(as_npy(IMAGES.reshape(60, 1, 64)), r"give it the shape \(60, 8, 8\)"),
    "lines-they-say.npy": Contents(
        as_npy(IMAGES.reshape(60, 1, 64, 1)), WORKS, OTHER_SIZE),
    "last-axis.npy": Contents(
        as_npy(np.moveaxis(INK, 0, -1)), "moveaxis", OTHER_SIZE | {"load_images": WORKS}),
    "labels-in-a-column.npz": Contents(npz(images=INK, labels=CLASSES[:, None]), WORKS),
    "unknown-labels.npz": Contents(npz(images=INK, labels=CLASSES - 1), WORKS),
    "no-known-label.npz": Contents(npz(images=INK, labels=CLASSES * 0 - 1), WORKS),
    "without-names.npz": Contents(npz(arr_0=INK, arr_1=CLASSES), WORKS),
    "four-bits.npy": Contents(as_npy(INK // 16), WORKS),
    "dark-on-light.npy": Contents(as_npy(255 - INK), WORKS),
    "alpha.npy": Contents(as_npy(ALPHA), WORKS),
    "UPPER.NPY": Contents(as_npy(INK), WORKS),
    "train.csv": Contents(as_csv(INK, CLASSES, NAMES), WORKS),
    "bare.csv": Contents(as_csv(INK), WORKS),
    "first-column.csv": Contents(as_csv(INK, CLASSES), WORKS),
    "semicolons.csv": Contents(as_csv(INK, CLASSES, NAMES.replace(",", ";"), ";"), WORKS),
    "two-labels.csv": Contents(
        as_csv(INK, np.column_stack([CLASSES, CLASSES]), "digit," + NAMES), WORKS),
    "two-labels.parquet": Contents(
        as_parquet(pixels=INK.tolist(), y=CLASSES.tolist(), label=CLASSES.tolist()), WORKS),
    "words-for-labels.csv": Contents(as_csv(INK, ["one", "two"] * 30, NAMES), WORKS),
    "holes.csv": Contents(as_csv(INK).replace(b"\n0,", b"\n,"), "NaN or infinite"),
    "large.csv": Contents(as_csv(INK.astype(int) * 9), "bring them to 0"),
    "three-rows.csv": alone(as_csv(INK[:3]), NOTHING),
    "no-rows.csv": alone(NAMES.encode() + b"\n", NOTHING, EMPTY),
    "pictures.parquet": Contents(as_parquet(image=PICTURED, label=CLASSES.tolist()), WORKS),
    "bytes.parquet": Contents(as_parquet(image=[as_png(i) for i in INK]), WORKS),
    "lists.parquet": Contents(as_parquet(pixels=INK.reshape(60, 64).tolist()), WORKS),
    "rows.parquet": Contents(as_parquet(pixels=INK.tolist(), label=CLASSES.tolist()), WORKS),
    "columns.parquet": Contents(
        as_parquet(**{f"p{i}": INK.reshape(60, 64)[:, i] for i in range(64)}), WORKS),
    "no-images.mat": Contents(as_mat(a=INK[0], b=CLASSES), MATRIX),
    "two-images.mat": Contents(as_mat(a=INK, b=INK), MATRIX),
    "words.mat": Contents(as_mat(a=np.array([[["a"]]], object)), MATRIX),
    "usps.mat": Contents(as_mat(data=INK.reshape(3, 20, 64).transpose(2, 1, 0)), WORKS),
    "svhn.mat": Contents(
        as_mat(X=np.stack([np.moveaxis(INK, 0, -1)] * 3, 2), y=CLASSES[:, None] + 1.0), WORKS),
    "plain.mat": Contents(as_mat(False, X=np.moveaxis(INK, 0, -1)), WORKS),
    "512.npy": Contents(
        as_npy(np.kron(IMAGES[:52], np.ones((64, 64), np.uint8))), WORKS, OTHER_SIZE
    ),
    "shades.npy": Contents(
        as_npy(np.arange(100, 160, dtype=np.uint8)[:, None, None] * np.ones((8, 8), np.uint8)),
        WORKS, SAME,
    ),
    "one-class.npz": Contents(npz(images=IMAGES, labels=np.full(60, 7)), WORKS),
    "odd-classes.npz": Contents(npz(images=IMAGES, labels=np.arange(60) % 3 * -(10**15)), WORKS),
    "colour.npy": Contents(as_npy(np.stack([IMAGES] * 3, -1)), WORKS),
    "größe & co.npy": Contents(as_npy(IMAGES), WORKS),
}  # fmt: skip

# What is wrong with the place, not the content: how to make it, and what is said.
PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing.npz": (lambda path: None, "does not exist"),
    "missing of größe & co.npy": (lambda path: None, "does not exist"),
    "a" * 300: (lambda path: None, "name too long"),
    "folder.npz": (lambda path: path.mkdir(), "holds nothing that is read: give a folder of PNG"),
    "pipe.npy": (os.mkfifo, "is a pipe or a device"),
    "null": (lambda path: path.symlink_to("/dev/null"), "is a pipe or a device"),
    "closed.npz": (lambda path: (path.write_bytes(npz(images=IMAGES)), path.chmod(0)),
                   "change its permissions"),
    "closed-idx": (lambda path: (path.write_bytes(IDX), path.chmod(0)), "change its permissions"),
    "closed-folder": (lambda path: path.mkdir(0), "change its permissions"),
    "closed-folder/inside.npy": (lambda path: path.parent.mkdir(0), "change its permissions"),
    "file/inside.npy": (lambda path: path.parent.write_bytes(IDX), "does not exist"),
}  # fmt: skip


def fill(*places: str, images: np.ndarray = INK, kind: str = "PNG"):
    """Put pictures into places, `{}` being their number, in turn."""

    def make(folder: Path) -> None:
        folder.mkdir()
        for number, image in enumerate(images):
            path = folder / places[number % len(places)].format(f"{number:02}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(as_png(image, kind))

    return make


def put(files: dict[str, bytes], before=lambda folder: folder.mkdir()):
    """Put files into a folder."""

    def make(folder: Path) -> None:
        before(folder)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)

    return make


def among_pictures(add: Callable[[Path], object]):
    def make(folder: Path) -> None:
        fill("{}.png")(folder)
        add(folder)

    return make


FOUR = {"train-images-idx3-ubyte": IDX, "train-labels-idx1-ubyte": idx_bytes(CLASSES),
        "t10k-images-idx3-ubyte": IDX, "t10k-labels-idx1-ubyte": idx_bytes(CLASSES)}  # fmt: skip
KAGGLE = {"train.csv": as_csv(INK, CLASSES, NAMES), "test.csv": as_csv(INK, None, NAMES[6:]),
          "sample_submission.csv": b"ImageId,Label\n1,0\n2,0\n"}  # fmt: skip
RAW = {f"MNIST/raw/{name}": content for name, content in FOUR.items()}
ONE_OF = "give the path of one of them"

# Folders: how to make one, what `load_digits` says, and any door that says something else.
FOLDERS: dict[str, tuple[Callable[[Path], object], str | None, dict[str, str | None]]] = {
    "pictures": (fill("{}.png"), WORKS, {}),
    "JPEGs": (fill("{}.JPG", "{}.jpeg", kind="JPEG"), WORKS, {}),
    "classes": (fill("0/{}.png", "1/{}.png", "x/deep/er/{}.png"), WORKS, {}),
    "parts": (fill("training/a/{}.png", "testing/a/{}.png", "training/b/{}.png"), WORKS, {}),
    "wrapped": (fill("only/this/{}.png"), WORKS, {}),
    "three pictures": (fill("{}.png", images=INK[:3]), NOTHING, dict.fromkeys(WITHOUT_LABELS)),
    "sizes": (among_pictures(lambda folder: put({"61.png": as_png(INK[0, :5])}, str)(folder)),
              r"61\.png has 5×8: bring them to one size, or let --size do it", {}),
    "broken": (put({"a.png": as_png(INK[0])[:60], "b.png": b""}), r"a\.png is not a PNG or", {}),
    "bomb": (put({"a.png": png_that_promises(30_000, 30_000)}), "million pixels", {}),
    "large": (put({"a.png": as_png(INK[0]) + bytes(6_000_000)}), "more than 5 MB", {}),
    "a pipe among them": (among_pictures(lambda f: os.mkfifo(f / "zz.png")), WORKS, {}),
    "round": (among_pictures(lambda f: (f / "zz").symlink_to(f)), WORKS, {}),
    "hidden": (put({".a.png": b"", "__MACOSX/a.png": b"", "notes.txt": b""}), "holds nothing",
               {}),
    "two files": (put({"a.npy": as_npy(INK), "b.npy": as_npy(INK)}), rf"a\.npy, b\.npy: {ONE_OF}",
                  {}),
    "one file": (put({"deep/a.npy": as_npy(INK), "notes.txt": b""}), WORKS, {}),
    "images and labels": (put({"images.npy": as_npy(INK), "labels.npy": as_npy(CLASSES)}), WORKS,
                          {}),
    "x and y": (put({"X.npy": as_npy(INK), "y.npy": as_npy(CLASSES)}), WORKS, {}),
    "other labels": (put({"images.npy": as_npy(INK), "labels.npy": as_npy(CLASSES[:9])}),
                     "60 images but labels", dict.fromkeys(WITHOUT_LABELS)),
    "kaggle": (put(KAGGLE), WORKS, {}),
    "twin.csv": (put({"twin.csv": as_csv(INK)}), WORKS, {}),
    "IDX": (put(FOUR), WORKS, {}),
    "IDX in folders": (put({f"{name}/{name}": x for name, x in FOUR.items()}), WORKS, {}),
    "torchvision": (put(RAW), WORKS, {}),
    "two of torchvision": (put(RAW | {f"x/{name}": x for name, x in FOUR.items()}),
                           rf"MNIST/raw, x: {ONE_OF}", {}),
    "three IDX": (put({name: x for name, x in FOUR.items() if name[1] != "1"} | {
                  "t10k-images-idx3-ubyte": IDX}), "holds no t10k-labels", {}),
}  # fmt: skip
