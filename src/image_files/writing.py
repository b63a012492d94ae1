"""Write files whole or not at all, and remove nothing but what was recorded to be written here."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

if sys.platform != "win32":
    import fcntl

SUMMARY, RUN = "summary.json", "run.json"  # what commands write of themselves beside their results
_HALF_WRITTEN = ".mnist-clust-new"
_LONGEST_NAME = 200  # of the 255 bytes a file's name may have
_OPEN_FILES = ("/dev/fd/", "/dev/std", "/proc/")  # whoever opened them writes there, too
_MAX_RECORD = 1 << 24  # bytes


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that a reader sees all of it or none; see `write_together`."""
    write_together({path: content})


def write_together(contents: Mapping[Path, bytes | memoryview]) -> None:
    """Write files so that, whenever the run is killed, a reader sees all of each or none.

    All are written before the first takes its place, in the order given, so a full disk changes
    none of them. What a killed run left half-written in the same folders is removed. Links are
    followed, a file that was there keeps its owner and its mode, and what cannot be replaced (a
    pipe, a device, a file of somebody else's) is written into.

    Raises
    ------
    OSError
        Its ``filename`` is that of the file wanted.
    """
    half_written: dict[Path, tuple[Path, Path]] = {}
    path = None
    try:
        for path in contents:
            path.parent.mkdir(parents=True, exist_ok=True)
        for folder in {Path(os.path.realpath(path)).parent for path in contents}:
            remove_half_written(folder)
        for path, content in contents.items():
            if target := _to_replace(path):
                temporary = _new_beside(target)
                half_written[path] = temporary, target
                with temporary.open("r+b") as file:
                    file.write(content)
                if not _like(target, temporary):
                    del half_written[path]
                    temporary.unlink()
        for path, content in contents.items():
            if path in half_written:
                temporary, target = half_written[path]
                temporary.replace(target)
            else:
                _pour(path, content)
    except BaseException as error:
        for leftover, _ in half_written.values():
            leftover.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)
        raise


def is_open_file(path: Path) -> bool:
    """Tell whether a name is of a file that somebody has opened already, as ``/dev/stdout`` is."""
    return os.path.abspath(path).startswith(_OPEN_FILES)  # noqa: PTH100 - links are not followed


def _to_replace(path: Path) -> Path | None:
    """Return the regular file a name leads to, through links; None if it leads to another kind."""
    if is_open_file(path):
        return None
    if path.exists():
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not path.is_file():
            return None
        effective = os.access in os.supports_effective_ids
        if not os.access(path, os.W_OK, effective_ids=effective):  # its place could be taken still
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return Path(os.path.realpath(path))


def _new_beside(target: Path) -> Path:
    """Make an empty file that a later run knows for a leftover, with the mode of new files."""
    start = os.fsencode(target.name)[:_LONGEST_NAME].decode(errors="ignore")
    name = f".{start}.{os.getpid()}-{secrets.token_hex(4)}{_HALF_WRITTEN}"
    path = target.with_name(name)
    path.touch(0o666, exist_ok=False)
    return path


def _like(target: Path, temporary: Path) -> bool:
    """Give a new file the owner and mode of the one it replaces; False if only root could."""
    try:
        before, now = target.stat(), temporary.stat()
        if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
            os.chown(temporary, before.st_uid, before.st_gid)
        temporary.chmod(stat.S_IMODE(before.st_mode))
    except FileNotFoundError:
        return True
    except PermissionError:
        return False
    return True


def _pour(path: Path, content: bytes | memoryview) -> None:
    """Write into what cannot be replaced; for a pipe that nobody reads, do not wait.

    What somebody has opened keeps what they wrote: ``>>`` of the shell means that.
    """
    how = os.O_APPEND if is_open_file(path) else os.O_TRUNC
    try:
        handle = os.open(path, os.O_WRONLY | how | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno == errno.ENXIO:
            error.strerror = "nobody reads from this pipe"
        raise
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def remove_half_written(folder: Path) -> None:
    """Remove what killed runs left half-written in a folder; runs under way keep theirs."""
    for leftover in folder.glob(f".*{_HALF_WRITTEN}"):
        writer = leftover.name.removesuffix(_HALF_WRITTEN).rpartition(".")[2].partition("-")[0]
        if writer.isdecimal() and not _is_running(int(writer)):
            with contextlib.suppress(OSError):  # another run may be faster
                leftover.unlink()


def _is_running(process: int) -> bool:
    try:
        return bool(psutil.pid_exists(process))
    except OverflowError:  # no number of a process
        return False


@contextlib.contextmanager
def sole_writer(folder: Path, *, quiet: bool = False) -> Iterator[None]:
    """Make a folder and keep other runs from writing there meanwhile; wait while one does.

    It says that it waits, unless told to be quiet.

    The lock is on the folder itself: it leaves no file behind, and ends with the process,
    however that ends. Windows has no such locks, and there runs do not wait for each other.
    """
    folder.mkdir(parents=True, exist_ok=True)
    effective = os.access in os.supports_effective_ids
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not quiet:
                    print(f"Another run is writing to {folder}: this one waits for it.", flush=True)
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def to_json(content: Any) -> bytes:
    """Serialise as the project's JSON files are: indented, in UTF-8, with a last newline."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode(errors="replace")  # a file's name need not be text


# --- what was written here -----------------------------------------------------------------------


def digest(content: bytes | memoryview) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_record(path: Path, *keys: str) -> dict[str, Any]:
    """Read a JSON file that a run wrote, known by its keys; empty if somebody else wrote it."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MAX_RECORD))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and set(keys) <= set(found) else {}


def holds_results(folder: Path) -> bool:
    """Tell whether a folder is what `cluster` wrote, whose pictures are no images to cluster."""
    return (
        (folder / "clusters.csv").is_file()
        and bool(read_record(folder / SUMMARY, "digest", "n_clusters", "files"))
    ) or ((folder / "clusters.parquet").is_file() and bool(read_record(folder / RUN, "settings")))


def remove_recorded(folder: Path, record: Mapping[str, str]) -> None:
    """Remove the files of an earlier run that are still as it wrote them: digests by name."""
    for name, expected in record.items():
        path = folder / name
        inside = path.resolve().is_relative_to(folder.resolve()) and not path.is_symlink()
        if inside and path.is_file() and digest(path.read_bytes()) == expected:
            path.unlink()
