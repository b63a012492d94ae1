"""Files and cache entries that a run was writing when it ended."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_clust import cache
from mnist_clust._write import sole_writer, write_atomically, write_together


@pytest.fixture
def ended():
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_killed_run_left_is_removed_and_nothing_else(tmp_path, ended):
    left = tmp_path / f".map.png.{ended}-x1_y2.mnist-clust-new"
    others = [
        tmp_path / f".map.png.{os.getpid()}-x1_y2.mnist-clust-new",
        tmp_path / f".map.png.{ended}-x1_y2",
        tmp_path / ".x.mnist-clust-new",
    ]
    for path in (left, *others):
        path.write_text("half")
    write_atomically(tmp_path / "new.csv", b"whole")
    assert not left.exists()
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


def test_a_folder_has_one_writer_and_its_lock_ends_with_it(tmp_path):
    program = (
        "import sys, pathlib; from mnist_clust._write import sole_writer\n"
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


def square(x):
    return {"square": x**2, "model": Path("x")}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_every_byte_of_a_kept_result_is_checked(folder, capsys, survived):
    x = np.arange(50.0)
    expected = cache.cached(square)(x)
    (entry,) = folder.iterdir()
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
    assert "made anew" in capsys.readouterr().err


def test_a_result_that_cannot_be_kept_is_given(folder, capsys, survived):
    folder.write_text("a file where the folder should be")
    assert cache.cached(square)(3)["square"] == 9
    assert "is not kept for the next run" in capsys.readouterr().err
    survived("a cache that cannot be written")


def test_arguments_count_however_they_are_given(folder):
    cache.cached(square)(3)
    cache.cached(square)(x=3)
    assert len(list(folder.iterdir())) == 1


def test_only_folders_of_the_cache_are_removed(tmp_path, monkeypatch):
    (tmp_path / "0123456789abcdef").mkdir()
    (tmp_path / "letters").mkdir()
    monkeypatch.setenv("MNIST_CLUST_CACHE", str(tmp_path))
    cache._folder.cache_clear()
    try:
        cache.cached(square)(3)
        assert (tmp_path / "letters").is_dir(), "the variable may name a folder of other things"
        assert not (tmp_path / "0123456789abcdef").exists()
    finally:
        cache._folder.cache_clear()
