"""A full disk and one that may not be written: a sentence, and earlier results as they were."""

import errno
import os
import subprocess

import pytest
from runs import content, says_one_sentence


@pytest.fixture
def disk(tmp_path):
    """A disk of a few megabytes, to be filled; it needs the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk, left: int) -> None:
    """Fill a disk but for some bytes."""
    state = os.statvfs(disk)
    with (disk / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, state.f_bavail * state.f_frsize - left)
    with pytest.raises(OSError) as full, (disk / "more").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, left + state.f_frsize)
    assert full.value.errno == errno.ENOSPC
    (disk / "more").unlink()


def lock(disk) -> None:
    """Make a disk read-only."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


CASES = [
    ("cluster", 0),
    ("cluster", 100_000),
    ("report", 0),
    ("report", 50_000),
    ("report", 400_000),
    ("report", 4_000_000),
]


@pytest.mark.parametrize(("command", "left"), CASES)
def test_a_full_disk(command, left, place, disk, survived):
    out = disk / "out"
    assert place.run(command, out=out)[0] == 0
    before = content(out)
    fill(disk, left)
    status, said = place.run(command, out=out)
    assert status == 1, said
    assert "No space left on device" in said
    assert says_one_sentence(said), said
    after = content(out)
    assert {
        name for name in after.keys() - before.keys() if not name.startswith("failed/")
    } == set()
    assert {name: after[name] for name in before} == before
    assert not list(place.temporary.rglob("*"))
    survived(f"a full disk: {command}")


@pytest.mark.parametrize("command", ["cluster", "report"])
def test_a_folder_that_may_not_be_written(command, place, disk, survived):
    out = disk / "out"
    assert place.run(command, out=out)[0] == 0
    before = content(out)
    lock(disk)
    for folder in (out, disk / "new"):
        status, said = place.run(command, out=folder)
        assert status == 1, said
        assert "Read-only file system" in said
        assert says_one_sentence(said), said
    assert content(out) == before
    survived(f"a read-only folder: {command}")


def test_a_table_on_a_full_disk(place, disk, survived):
    assert place.run("cluster")[0] == 0
    fill(disk, 0)
    status, said = place.run("assign", out=disk / "assigned.csv")
    assert status == 1
    assert f"{disk / 'assigned.csv'} could not be written or read: No space left" in said
    assert says_one_sentence(said), said
    assert [path.name for path in disk.iterdir()] == ["filler"]
    survived("a full disk: assign")


@pytest.mark.parametrize("harm", [lambda disk: fill(disk, 0), lock], ids=["full", "read-only"])
def test_a_cache_that_cannot_be_written(harm, place, disk, survived):
    assert place.run("report")[0] == 0
    before = {name: file for name, file in content(place.out).items() if name.endswith(".png")}
    harm(disk)
    out = place.root / "again"
    status, said = place.run("report", out=out, MNIST_CLUST_CACHE=str(disk / "cache"))
    assert status == 0, said
    after = content(out)
    assert {name: after[name] for name in before} == before
    page = (out / "site" / "02_cluster_raw_pixels.html").read_text("utf-8")
    assert "is not kept for the next run" in page
    survived("a cache that cannot be written")
