"""Read tables that may be damaged or hostile: CSV and Parquet, an image a row."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_clust._pictures import read_pictures
from mnist_clust._pixels import Notify
from mnist_clust._read import MAX_BYTES, DataError, readable, too_large

UNLABELLED = -1
LABEL_NAMES = {"label", "labels", "class", "target", "digit", "y"}
NUMBER_NAMES = {"", "id", "index", "imageid", "unnamed: 0"}  # of rows, which say nothing
_MOST_COLUMNS = 100_000
_BLOCK = 1 << 23  # bytes of a CSV file at once; no line may be longer
_ROWS = 1024  # of a Parquet file at once
_SHOWN = 12  # names of classes in a notice

Parts = dict[str, npt.NDArray[Any]]


def read_csv(path: Path, notify: Notify, limit: int = MAX_BYTES) -> Parts:
    """Read a table with a column for each pixel of square images, and perhaps one of labels.

    Kaggle's ``train.csv`` and OpenML's ``mnist_784`` are such tables, with a line of names or
    without; without one, and with a column too many, the first holds the labels.

    Parameters
    ----------
    path : Path
    notify : callable
        Told in a sentence what a reader of results must know.
    limit : int, optional
        Bytes of values that are read at most.

    Returns
    -------
    dict
        ``images``, and ``labels`` if there are any.

    Raises
    ------
    DataError
        If it is no such table, damaged or too large.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    with readable(path):
        if path.stat().st_size > limit:
            raise too_large(path, limit)
        names, first, delimiter = _first_line(path)
        pixels, label = _roles(names if first else None, len(names), path)
        if not first and label is not None:
            notify(f"{path.name}: the first column is taken for the labels.")
        columns = [str(number) for number in range(len(names))]
        wanted = [columns[number] for number in pixels]
        types = dict.fromkeys(wanted, pa.float32())
        if label is not None:
            wanted = [*wanted, columns[label]]
            types[columns[label]] = pa.string()
        reader = arrow_csv.open_csv(
            path,
            arrow_csv.ReadOptions(
                use_threads=False, block_size=_BLOCK, skip_rows=first, column_names=columns
            ),
            arrow_csv.ParseOptions(delimiter=delimiter),
            arrow_csv.ConvertOptions(column_types=types, include_columns=wanted),
        )
        return _joined(reader, len(pixels), label is not None, path, notify, limit)


def _first_line(path: Path) -> tuple[list[str], bool, str]:
    """Return the fields of the first line, whether they are names, and what parts them."""
    with path.open("rb") as file:
        line = file.readline(_BLOCK)
    text = line.decode("utf-8-sig").strip("\r\n")
    delimiter = max(",;\t", key=text.count)
    fields = next(csv.reader([text], delimiter=delimiter), [])
    if len(fields) > _MOST_COLUMNS:
        raise DataError(f"{path} has more than {_MOST_COLUMNS:,} columns: make the images smaller.")
    numbers = all(re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", f) for f in fields)
    counted = [str(number) for number in range(len(fields))]  # as pandas names columns
    return fields, not numbers or (len(fields) > 1 and fields == counted), delimiter


def _roles(names: Sequence[str] | None, width: int, path: Path) -> tuple[list[int], int | None]:
    """Tell which columns hold pixels and which one labels."""
    if names is None:
        label = 0 if not _is_square(width) and _is_square(width - 1) else None
        pixels = list(range(0 if label is None else 1, width))
    else:
        plain = [name.strip().strip("'\"").lower() for name in names]
        labels = [number for number, name in enumerate(plain) if name in LABEL_NAMES]
        label = labels[0] if len(labels) == 1 else None
        others = {*labels, *(n for n, name in enumerate(plain) if name in NUMBER_NAMES)}
        pixels = [number for number in range(width) if number not in others]
    if not _is_square(len(pixels)):
        raise DataError(
            f"{path} has {len(pixels):,} columns for pixels, which make no square image: give it "
            "one for each pixel (784 for 28×28), and a column 'label' if the images have labels."
        )
    return pixels, label


def _is_square(number: int) -> bool:
    return number >= 4 and math.isqrt(number) ** 2 == number


def _joined(
    batches: Iterator[Any], width: int, labelled: bool, path: Path, notify: Notify, limit: int
) -> Parts:
    """Join record batches of pixel columns, the labels' column last."""
    pieces: list[npt.NDArray[Any]] = []
    labels: list[Any] = []
    size = 0
    for batch in batches:
        columns = [column.to_numpy(zero_copy_only=False) for column in batch.columns[:width]]
        piece = _small(np.stack(columns, axis=1).astype(np.float32, copy=False))
        pieces.append(piece)
        size += piece.nbytes
        if size > limit:
            raise too_large(path, limit)
        if labelled:
            labels += batch.columns[width].to_pylist()
    side = math.isqrt(width)
    rows = np.concatenate(pieces) if pieces else np.empty((0, width), np.uint8)
    found = {"images": rows.reshape(-1, side, side)}
    return found | ({"labels": numbered(labels, path.name, notify)} if labelled else {})


def _small(values: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    """Keep grey levels in a byte each; what else they are is said by those who look closer."""
    with np.errstate(invalid="ignore"):
        levels = values.astype(np.uint8)
    return levels if np.array_equal(levels, values) else values


def numbered(labels: Sequence[Any], name: str, notify: Notify) -> npt.NDArray[np.int64]:
    """Turn labels into whole numbers: names of classes by their order, what is missing into -1.

    Parameters
    ----------
    labels : sequence
    name : str
        Of the file, for notices.
    notify : callable

    Returns
    -------
    ndarray of int64
    """
    texts = ["" if label is None else str(label).strip().strip("'\"") for label in labels]
    known = {text for text in texts if text and text != "nan"}
    numbers = {}
    for text in known:
        if not re.fullmatch(r"[-+]?\d{1,18}(\.0*)?", text):
            break
        numbers[text] = int(text.partition(".")[0])
    if len(numbers) < len(known):
        classes = sorted(known)
        numbers = {text: number for number, text in enumerate(classes)}
        shown = ", ".join(f"{number} is {text}" for text, number in list(numbers.items())[:_SHOWN])
        more = " and so on" if len(classes) > _SHOWN else ""
        notify(f"{name}: the classes are numbered by their names: {shown}{more}.")
    return np.array([numbers.get(text, UNLABELLED) for text in texts], np.int64)


def read_parquet(
    path: Path, notify: Notify, limit: int = MAX_BYTES, size: tuple[int, int] | None = None
) -> Parts:
    """Read a table with a column of PNG or JPEG pictures, of lists of pixels, or one a pixel.

    Parameters
    ----------
    path, notify, limit
        As for `read_csv`.
    size : (int, int), optional
        Height and width that pictures are brought to.

    Returns
    -------
    dict
        ``images``, and ``labels`` if there are any.

    Raises
    ------
    DataError
        If it is no such table, damaged or too large.
    """
    import pyarrow as pa
    from pyarrow import parquet

    with readable(path), path.open("rb") as opened, parquet.ParquetFile(opened) as file:
        _bound_parquet(file.metadata, path, limit)
        schema = file.schema_arrow
        labels = [name for name in schema.names if name.lower() in LABEL_NAMES]
        label = labels[:1] if len(labels) == 1 else []
        binary = (pa.types.is_binary, pa.types.is_large_binary)
        for field in schema:
            inner = field.type
            if pa.types.is_struct(inner) and inner.get_field_index("bytes") >= 0:
                inner = inner.field("bytes").type
            if any(is_binary(inner) for is_binary in binary):
                return _pictures_in(file, field.name, label, path, notify, limit, size)
            if hasattr(field.type, "value_field"):
                return _lists_in(file, field.name, label, path, notify, limit)
        pixels, number = _roles(schema.names, len(schema.names), path)
        names = [schema.names[n] for n in (*pixels, *([] if number is None else [number]))]
        batches = file.iter_batches(_ROWS, columns=names)
        ordered = (batch.select(names) for batch in batches)
        return _joined(ordered, len(pixels), number is not None, path, notify, limit)


def _bound_parquet(metadata: Any, path: Path, limit: int) -> None:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    sizes = sum(group.total_byte_size for group in groups)
    if max(sizes, metadata.num_rows) > limit:
        raise too_large(path, limit)
    if metadata.num_columns > _MOST_COLUMNS:
        raise DataError(f"{path} has more than {_MOST_COLUMNS:,} columns: make the images smaller.")


def _pictures_in(
    file: Any, column: str, label: list[str], path: Path, notify: Notify, limit: int,
    size: tuple[int, int] | None,
) -> Parts:  # fmt: skip
    labels: list[Any] = []

    def contents() -> Iterator[tuple[str, bytes]]:
        for batch in file.iter_batches(32, columns=[column, *label]):
            if label:
                labels.extend(batch.column(label[0]).to_pylist())
            for value in batch.column(column):
                content = value.as_py()
                content = content["bytes"] if isinstance(content, dict) else content
                yield f"a picture in {path}", content or b""

    images, coloured = read_pictures(contents(), path, size, limit)
    if coloured:
        notify(f"{path.name}: the colour images were turned to grey.")
    return {"images": images} | ({"labels": numbered(labels, path.name, notify)} if label else {})


def _lists_in(
    file: Any, column: str, label: list[str], path: Path, notify: Notify, limit: int
) -> Parts:
    """Read a column of flat lists of pixels, or of lists of rows."""
    from pyarrow import compute

    pieces: list[npt.NDArray[Any]] = []
    labels: list[Any] = []
    for batch in file.iter_batches(_ROWS, columns=[column, *label]):
        if label:
            labels += batch.column(label[0]).to_pylist()
        values, shape, even = batch.column(column), [len(batch)], True
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
        piece = values.to_numpy(zero_copy_only=False).astype(np.float32).reshape(shape)
        pieces.append(_small(piece))
        if sum(part.nbytes for part in pieces) > limit:
            raise too_large(path, limit)
    if len({piece.shape[1:] for piece in pieces}) > 1:
        raise DataError(f"{path} holds images of several sizes: bring them to one size.")
    images = np.concatenate(pieces) if pieces else np.empty((0, 1, 1), np.uint8)
    return {"images": images} | ({"labels": numbered(labels, path.name, notify)} if label else {})
