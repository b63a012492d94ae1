"""Files and cache entries that a run was writing when it ended."""

import os
import shutil
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pytest
from helpers import NOBODY, open_folder, unprivileged

from image_files.writing import (
    digest,
    read_record,
    remove_recorded,
    sole_writer,
    write_atomically,
    write_together,
)
from mnist_clust import cache


@pytest.fixture
def ended():
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_killed_run_left_is_removed_and_nothing_else(tmp_path, ended):
    left = [
        tmp_path / f".map.png.{writer}-x1_y2.mnist-clust-new"
        for writer in (ended, 2**31, 10**30)  # no process ever has the last two
    ]
    others = [
        tmp_path / f".map.png.{os.getpid()}-x1_y2.mnist-clust-new",
        tmp_path / f".map.png.{ended}-x1_y2",
        tmp_path / ".x.mnist-clust-new",
    ]
    for path in (*left, *others):
        path.write_text("half")
    write_atomically(tmp_path / "new.csv", b"whole")
    assert set(tmp_path.iterdir()) == {*others, tmp_path / "new.csv"}


def test_files_are_written_together_or_not_at_all(tmp_path):
    (tmp_path / "a").write_bytes(b"before")
    with pytest.raises(TypeError):
        write_together({tmp_path / "a": b"after", tmp_path / "b": "no bytes"})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"before"
    with pytest.raises(IsADirectoryError) as caught:
        write_atomically(tmp_path, b"a file where a folder is")
    assert caught.value.filename == str(tmp_path)


MODES = [0o600, 0o640, 0o755, 0o604]


@pytest.mark.parametrize("mode", MODES)
def test_a_file_keeps_its_mode_and_owner(mode, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"before")
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    before = path.stat()
    write_atomically(path, b"after")
    after = path.stat()
    assert path.read_bytes() == b"after"
    for part in ("st_mode", "st_uid", "st_gid"):
        assert getattr(after, part) == getattr(before, part), part


def test_a_new_file_has_the_mode_that_people_ask_for(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "x", b"new")
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_a_file_of_somebody_elses_stays_theirs():
    if os.geteuid() != 0:
        pytest.skip("only root can make files of others")
    with open_folder() as folder:
        path = folder / "theirs"
        path.write_bytes(b"a longer text before")
        path.chmod(0o666)
        with unprivileged():
            write_atomically(path, b"after")
        assert path.read_bytes() == b"after"
        assert path.stat().st_uid == 0
        path.chmod(0o644)
        with unprivileged(), pytest.raises(PermissionError):
            write_atomically(path, b"again")
        assert path.read_bytes() == b"after", "its folder may be written, but not this file"


def test_links_are_followed(tmp_path):
    for name in ("elsewhere", "links"):
        (tmp_path / name).mkdir()
    target = tmp_path / "elsewhere" / "target"
    (tmp_path / "links" / "b").symlink_to("../elsewhere/target")
    (tmp_path / "links" / "a").symlink_to("b")
    for content in (b"made through a link that led nowhere", b"and again"):
        write_atomically(tmp_path / "links" / "a", content)
        assert target.read_bytes() == content
    assert [path.is_symlink() for path in (tmp_path / "links").iterdir()] == [True, True]
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match="symbolic links"):
        write_atomically(tmp_path / "round", b"x")


def test_pipes_and_devices_are_written_into(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_together({tmp_path / "pipe": b"content", tmp_path / "file": b"beside"})
    assert os.read(reader, 100) == b"content"
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    with pytest.raises(OSError, match="nobody reads from this pipe"):
        write_atomically(tmp_path / "pipe", b"x")
    (tmp_path / "null").symlink_to("/dev/null")
    write_atomically(tmp_path / "null", b"x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert (tmp_path / "null").is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "file", "null"}


def test_only_what_was_recorded_is_removed(tmp_path):
    outside = tmp_path / "outside"
    folder = tmp_path / "folder"
    folder.mkdir()
    names = ["a", "changed", "unrecorded", "link"]
    for path in (outside, *(folder / name for name in names[:3])):
        path.write_bytes(b"as it was")
    (folder / "link").symlink_to(outside)
    record = dict.fromkeys(["a", "changed", "link", "gone", "../outside", str(outside)],
                           digest(b"as it was"))  # fmt: skip
    (folder / "changed").write_bytes(b"by a person")
    remove_recorded(folder, record)
    assert outside.exists()
    assert sorted(path.name for path in folder.iterdir()) == ["changed", "link", "unrecorded"]


@pytest.mark.parametrize(
    "content", [None, b"", b"[]", b"{", b"{}", b'{"a": 1}', b"\xff\xfe", b"[" * 100_000]
)
def test_what_is_no_record_says_nothing(content, tmp_path):
    if content is not None:
        (tmp_path / "x.json").write_bytes(content)
    assert read_record(tmp_path / "x.json", "a", "b") == {}


def test_a_folder_has_one_writer_and_its_lock_ends_with_it(tmp_path):
    program = (
        "import sys, pathlib; from image_files.writing import sole_writer\n"
        "with sole_writer(pathlib.Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-u", "-c", program, str(tmp_path)]
    with (
        sole_writer(tmp_path),
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as waiting,
    ):
        assert waiting.stdout.readline().startswith("Another run is writing to")
        waiting.kill()
    first = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "in\n"
    first.kill()
    first.communicate()
    with sole_writer(tmp_path):
        assert not list(tmp_path.iterdir())


# --- the cache -----------------------------------------------------------------------------------


def square(x, *, power=2):
    return {"square": x**power, "model": Path("x")}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where a cache may be made."""
    monkeypatch.setenv("MNIST_CLUST_CACHE", str(tmp_path / "cache"))
    cache._folder.cache_clear()
    yield tmp_path / "cache"
    cache._folder.cache_clear()


def test_every_byte_of_a_kept_result_is_checked(folder, capsys, survived):
    x = np.arange(50.0)
    expected = cache.cached(square)(x)
    for name in ("output.pkl", "output.sha256"):
        (entry,) = folder.rglob(name)
        whole = entry.read_bytes()
        for place in range(0, len(whole), 7):
            damaged = bytearray(whole)
            damaged[place] ^= 1
            entry.write_bytes(damaged)
            found = cache.cached(square)(x)
            np.testing.assert_array_equal(found["square"], expected["square"])
            said = capsys.readouterr().err
            assert said.count("\n") == 1
            assert "made anew (it is damaged)" in said
            assert entry.read_bytes() == whole
        for length in (0, 1, 31, 32, 33, len(whole) - 1):
            entry.write_bytes(whole[:length])
            cache.cached(square)(x)
            assert "made anew (it is damaged)" in capsys.readouterr().err
            assert entry.read_bytes() == whole
    survived("a damaged cache entry")
    cache.cached(square)(x)
    assert capsys.readouterr().err == "", "a whole one is used, in silence"


def test_a_result_that_cannot_be_read_is_made_anew(folder, capsys, monkeypatch):
    cache.cached(square)(2)
    monkeypatch.setattr(cache.joblib, "load", lambda file: 1 / 0)
    assert cache.cached(square)(2)["square"] == 4
    said = capsys.readouterr().err
    assert "made anew" in said
    assert said.count("\n") == 1


def test_a_result_that_cannot_be_kept_is_given(folder, capsys, survived):
    folder.write_text("a file where the folder should be")
    for x in (3, 4):
        assert cache.cached(square)(x)["square"] == x**2
    said = capsys.readouterr().err
    assert "is not kept for the next run" in said
    assert said.count("\n") == 1
    survived("a cache that cannot be written")


def test_a_result_whose_folder_is_taken_is_given(folder, capsys):
    cache.cached(square)(3)
    (entry,) = folder.rglob("output.pkl")
    shutil.rmtree(entry.parent)
    entry.parent.write_text("a file where the folder should be")
    assert cache.cached(square)(3)["square"] == 9
    said = capsys.readouterr().err
    assert "is not kept for the next run" in said
    assert said.count("\n") == 1


def test_arguments_count_however_they_are_given(folder):
    cache.cached(square)(3)
    cache.cached(square)(x=3)
    cache.cached(square)(3, power=2)
    assert len(list(folder.rglob("output.pkl"))) == 1
    cache.cached(square)(3, power=3)
    assert len(list(folder.rglob("output.pkl"))) == 2


def test_what_two_need_at_once_one_computes_and_the_other_waits_for(folder):
    begun, goes_on = threading.Event(), threading.Event()
    times = []

    def slow(x, *, power=2):
        times.append(x)
        begun.set()
        assert goes_on.wait(60)
        return square(x, power=power)

    with ThreadPoolExecutor(2) as workers:
        first = workers.submit(cache.cached(slow), 3)
        assert begun.wait(60)
        second = workers.submit(cache.cached(slow), 3)
        assert not wait([first, second], timeout=0.5).done
        goes_on.set()
        assert first.result()["square"] == second.result()["square"] == 9
    assert times == [3]


def test_a_computation_that_fails_keeps_nobody_waiting(folder):
    for _ in range(2):
        with ThreadPoolExecutor(1) as worker, pytest.raises(ZeroDivisionError):
            worker.submit(cache.cached(square), 0, power=-1).result(timeout=60)


def test_of_earlier_caches_only_what_they_wrote_is_removed(folder, monkeypatch):
    """The variable may name a folder that holds other things, too, some of them called alike."""
    states = iter(["0" * 16, "1" * 16, "2" * 16])
    monkeypatch.setattr(cache, "_source_digest", lambda: next(states))
    others = [folder / ("f" * 16) / "joblib" / "output.pkl", folder / "letters" / "a"]
    for path in others:
        path.parent.mkdir(parents=True)
        path.write_text("of somebody else's")
    others.append(folder / ("1" * 16) / "notes.txt")
    for state in ("0" * 16, "1" * 16, "2" * 16):
        cache._folder.cache_clear()
        cache.cached(square)(3)
        kept = sorted(path.relative_to(folder).parts[0] for path in folder.rglob("output.pkl"))
        assert kept == [state, "f" * 16]
        if state == "1" * 16:
            others[-1].write_text("put there later")
    assert not (folder / ("0" * 16)).exists()
    assert [path.name for path in (folder / ("1" * 16)).iterdir()] == ["notes.txt"]
    assert all(path.exists() for path in others)


def test_a_long_name_of_many_bytes_can_be_written(tmp_path):
    path = tmp_path / ("数" * 80 + ".csv")  # 244 bytes
    write_atomically(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert len(list(tmp_path.iterdir())) == 1
