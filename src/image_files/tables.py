"""Read tables that may be damaged or hostile: CSV and Parquet, an image a row."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from image_files.labels import LABEL_NAMES, numbered
from image_files.pictures import read_pictures
from image_files.pixels import Notify, Size
from image_files.reading import MAX_BYTES, Array, DataError, Parts, readable, too_large

# Columns with the numbers of rows, which say nothing; the last is pandas' own.
NUMBER_NAMES = {"", "id", "index", "imageid", "unnamed: 0", "__index_level_0__"}
_MAX_COLUMNS = 100_000
_BLOCK = 1 << 23  # bytes of a CSV file at once; no line may be longer
_ROWS, _PICTURES = 1024, 32  # of a Parquet file at once
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")


def read_csv(path: Path, notify: Notify, limit: int = MAX_BYTES) -> Parts:
    """Read a table with a column for each pixel of square images, and perhaps one of labels.

    Kaggle's ``train.csv`` and OpenML's ``mnist_784`` are such tables, with a line of names or
    without; without one, and with a column too many, the first holds the labels.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    with readable(path):
        if path.stat().st_size > limit:
            raise too_large(path, limit)
        names, named, delimiter = _first_line(path)
        if named:
            pixels, label = _pixel_columns(names, path), _label_column(names, path, notify)
        else:
            label = 0 if not _is_square(len(names)) and _is_square(len(names) - 1) else None
            pixels = list(range(0 if label is None else 1, len(names)))
            _refuse_oblong(len(pixels), path)
            if label is not None:
                notify(f"{path.name}: the first column is taken for the labels.")
        columns = [str(number) for number in range(len(names))]
        types = {columns[number]: pa.float32() for number in pixels}
        if label is not None:
            types[columns[label]] = pa.string()
        reader = arrow_csv.open_csv(
            path,
            arrow_csv.ReadOptions(
                use_threads=False, block_size=_BLOCK, skip_rows=named, column_names=columns
            ),
            arrow_csv.ParseOptions(delimiter=delimiter),
            arrow_csv.ConvertOptions(column_types=types, include_columns=list(types)),
        )
        return _gathered(reader, _square_images, label is not None, path, notify, limit)


def _first_line(path: Path) -> tuple[list[str], bool, str]:
    """Return the fields of the first line, whether they are names, and what parts them."""
    with path.open("rb") as file:
        text = file.readline(_BLOCK).decode("utf-8-sig").strip("\r\n")
    delimiter = max(",;\t", key=text.count)
    fields = next(csv.reader([text], delimiter=delimiter), [])
    _refuse_wide(len(fields), path)
    counted = [str(number) for number in range(len(fields))]  # as pandas names columns
    named = not all(map(_NUMBER.fullmatch, fields)) or (len(fields) > 1 and fields == counted)
    return fields, named, delimiter


def _pixel_columns(names: Sequence[str], path: Path) -> list[int]:
    """Tell by their names which columns hold pixels: all but labels and numbers of rows."""
    others = LABEL_NAMES | NUMBER_NAMES
    pixels = [number for number, name in enumerate(names) if _plain(name) not in others]
    _refuse_oblong(len(pixels), path)
    return pixels


def _label_column(names: Sequence[str], path: Path, notify: Notify) -> int | None:
    """Find the column that holds labels, if one alone is called so."""
    found = [number for number, name in enumerate(names) if _plain(name) in LABEL_NAMES]
    if len(found) > 1:
        notify(
            f"{path.name}: the columns {', '.join(names[number].strip() for number in found)} may "
            "all hold labels, so none is read: rename all but one."
        )
    return found[0] if len(found) == 1 else None


def _plain(name: str) -> str:
    return name.strip().strip("'\"").lower()


def _is_square(number: int) -> bool:
    return number >= 4 and math.isqrt(number) ** 2 == number


def _refuse_oblong(pixels: int, path: Path) -> None:
    if not _is_square(pixels):
        raise DataError(
            f"{path} has {pixels:,} columns for pixels, which make no square image: give it "
            "one for each pixel (784 for 28×28), and a column 'label' if the images have labels."
        )


def _refuse_wide(columns: int, path: Path) -> None:
    if columns > _MAX_COLUMNS:
        raise DataError(f"{path} has more than {_MAX_COLUMNS:,} columns: make the images smaller.")


def _gathered(
    batches: Iterable[Any], images_of: Callable[[list[Any]], Array], labelled: bool, path: Path,
    notify: Notify, limit: int,
) -> Parts:  # fmt: skip
    """Join the images in record batches, and the labels, which are in the last column."""
    pieces: list[Array] = []
    labels: list[Any] = []
    size = 0
    for batch in batches:
        columns = batch.columns
        if labelled:
            labels += columns.pop().to_pylist()
        pieces.append(_small(images_of(columns)))
        size += pieces[-1].nbytes
        if size > limit:
            raise too_large(path, limit)
    if len({piece.shape[1:] for piece in pieces}) > 1:
        raise DataError(f"{path} holds images of several sizes: bring them to one size.")
    images = np.concatenate(pieces) if pieces else np.empty((0, 2, 2), np.uint8)
    return {"images": images} | (
        {"labels": numbered(labels, path.name, notify)} if labelled else {}
    )


def _square_images(columns: list[Any]) -> Array:
    """Lay columns, one of each pixel, out as square images."""
    arrays = [column.to_numpy(zero_copy_only=False) for column in columns]
    side = math.isqrt(len(columns))
    return np.stack(arrays, axis=1).astype(np.float32, copy=False).reshape(-1, side, side)


def _small(values: Array) -> Array:
    """Keep grey levels in a byte each; what else they are is said by those who look closer."""
    with np.errstate(invalid="ignore"):
        levels = values.astype(np.uint8)
    return levels if np.array_equal(levels, values) else values


def read_parquet(
    path: Path, notify: Notify, limit: int = MAX_BYTES, size: Size | None = None
) -> Parts:
    """Read a table with a column of PNG or JPEG pictures, of lists of pixels, or one a pixel.

    Pictures are brought to `size`, height and width, if it is given.
    """
    import pyarrow as pa
    from pyarrow import parquet

    with readable(path), path.open("rb") as opened, parquet.ParquetFile(opened) as file:
        groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
        if max(sum(group.total_byte_size for group in groups), file.metadata.num_rows) > limit:
            raise too_large(path, limit)
        _refuse_wide(file.metadata.num_columns, path)
        names = file.schema_arrow.names
        found = _label_column(names, path, notify)
        label = [] if found is None else [names[found]]

        def batches(columns: list[str], rows: int = _ROWS) -> Iterator[Any]:
            wanted = [*columns, *label]
            return (b.select(wanted) for b in file.iter_batches(rows, columns=wanted))

        for field in file.schema_arrow:
            inner = field.type
            if pa.types.is_struct(inner) and inner.get_field_index("bytes") >= 0:
                inner = inner.field("bytes").type
            if pa.types.is_binary(inner) or pa.types.is_large_binary(inner):
                pictures = batches([field.name], _PICTURES)
                return _pictures_in(pictures, bool(label), path, notify, limit, size)
            if hasattr(field.type, "value_field"):
                lists = _images_in_lists(field.name, path)
                return _gathered(batches([field.name]), lists, bool(label), path, notify, limit)
        pixels = [names[number] for number in _pixel_columns(names, path)]
        return _gathered(batches(pixels), _square_images, bool(label), path, notify, limit)


def _pictures_in(
    batches: Iterable[Any], labelled: bool, path: Path, notify: Notify, limit: int,
    size: Size | None,
) -> Parts:  # fmt: skip
    """Decode a column of pictures, or of records with their bytes."""
    labels: list[Any] = []

    def contents() -> Iterator[tuple[str, bytes]]:
        for batch in batches:
            if labelled:
                labels.extend(batch.column(1).to_pylist())
            for content in batch.column(0).to_pylist():
                held = content["bytes"] if isinstance(content, dict) else content
                yield f"a picture in {path}", held or b""

    images, coloured = read_pictures(contents(), path, size, limit)
    if coloured:
        notify(f"{path.name}: the colour images were turned to grey.")
    return {"images": images} | (
        {"labels": numbered(labels, path.name, notify)} if labelled else {}
    )


def _images_in_lists(column: str, path: Path) -> Callable[[list[Any]], Array]:
    """Read images from a column of flat lists of pixels, or of lists of rows."""
    from pyarrow import compute

    def images_of(columns: list[Any]) -> Array:
        (values,) = columns
        shape, even = [len(values)], True
        while hasattr(values.type, "value_field"):
            lengths = set(compute.list_value_length(values).to_pylist())
            even &= len(lengths) == 1 and None not in lengths
            shape.append(max(lengths - {None}, default=0))
            values = values.flatten()
        if len(shape) == 2 and _is_square(shape[1]):
            shape[1:] = [math.isqrt(shape[1])] * 2
        if not even or len(shape) != 3:
            raise DataError(
                f"{path} has lists of different lengths, or that make no square images, in its "
                f"column '{column}': give each image the same number of pixels."
            )
        pixels: Array = values.to_numpy(zero_copy_only=False)
        return pixels.astype(np.float32).reshape(shape)

    return images_of
