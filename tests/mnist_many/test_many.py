"""Twenty thousand images clustered by Dask, and what happens when it is stopped."""

import contextlib
import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import psutil
import pytest
from click.testing import CliRunner
from PIL import Image

from image_files.chunks import open_source
from mnist_clust import __main__ as commands
from mnist_clust.pipeline import ImageClusterer
from mnist_clust.scores import name_one_to_one
from mnist_many import distributed, many
from mnist_many.deform import deform, labels_of_copies
from mnist_many.distributed import PROGRESS, RUN, DaskError, Helpers, begun

COUNT, FITTED, PATIENCE = 20_000, 1_500, 240
COLUMNS = ["index", "cluster", "x", "y", "confidence", "distance", "far", "fitted"]
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def images(sample):
    return deform(sample.train_images, np.arange(COUNT))


@pytest.fixture(scope="module")
def source(tmp_path_factory, images):
    path = tmp_path_factory.mktemp("many") / "images.npy"
    np.save(path, images)
    return path


def start(*arguments, module="mnist_clust"):
    command = [sys.executable, "-m", "mnist_clust.numerics", "-m", module]
    return subprocess.Popen(
        [*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}, start_new_session=True,
    )  # fmt: skip


def run(*arguments, status=0):
    process = start(*arguments)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, said
    assert "Traceback" not in said
    return said


def cluster(source, out):
    return ["cluster", source, "--out", out, "--fit-on", FITTED, "--clusters", 10, "--workers", 2]


def after_the_first_part(process, out):
    """Wait until a part is written, and not all are."""
    end = time.monotonic() + PATIENCE
    while not ((out / PROGRESS).exists() and (out / PROGRESS).read_bytes().count(b"\n")):
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    assert (out / PROGRESS).read_bytes().count(b"\n") < 4


def content(folder):
    """Read all files, without the seconds that a run took."""
    found = {str(path.relative_to(folder)): path.read_bytes()
             for path in folder.rglob("*") if path.is_file()}  # fmt: skip
    for name in ("summary.json", RUN):
        read = json.loads(found[name])
        for part in (read, read.get("fit", {})):
            part.pop("seconds", None)
        found[name] = read
    return found


@pytest.fixture(scope="module")
def calm(tmp_path_factory, source):
    """What a run that nobody disturbs gives."""
    out = tmp_path_factory.mktemp("calm") / "out"
    assert "Watch the workers at http://127.0.0.1:" in run(*cluster(source, out))
    return out


@pytest.fixture(scope="module")
def assigned(calm, images):
    """Where the images lie, as one process tells."""
    return ImageClusterer.load(calm).assign(images)


def check_assigned(out, assigned):
    found = pd.read_parquet(out / "clusters.parquet")
    np.testing.assert_array_equal(found["index"], np.arange(COUNT))
    np.testing.assert_array_equal(found["cluster"], assigned.cluster)
    np.testing.assert_array_equal(found[["x", "y"]], assigned[["x", "y"]].round(4))
    assert not found.fitted.any()


@slow
def test_every_image_has_its_place(calm, assigned, sample):
    found = pd.read_parquet(calm / "clusters.parquet")
    assert list(found.columns) == COLUMNS
    np.testing.assert_array_equal(found["index"], np.arange(COUNT))
    assert found.fitted.sum() == FITTED
    new = ~found.fitted.to_numpy()
    model = ImageClusterer.load(calm)
    np.testing.assert_array_equal(found.cluster[~new], model.labels_)
    np.testing.assert_array_equal(found[["x", "y"]][~new], model.embedding_.round(4))
    np.testing.assert_array_equal(found.cluster[new], assigned.cluster[new])
    np.testing.assert_array_equal(found[["x", "y"]][new], assigned[["x", "y"]][new].round(4))
    labels = labels_of_copies(sample.train_labels, np.arange(COUNT))
    names = name_one_to_one(found.cluster.to_numpy(), labels, 10)
    assert (names[found.cluster] == labels).mean() > 0.9
    assert 0 < found.far[new].mean() < 0.1
    assert (found.distance[~new] == 0).all()


@slow
def test_the_summary_and_the_pictures(calm):
    summary = json.loads((calm / "summary.json").read_text("utf-8"))
    found = pd.read_parquet(calm / "clusters.parquet")
    assert (summary["n_images"], summary["n_fitted"], summary["n_clusters"]) == (COUNT, FITTED, 10)
    np.testing.assert_array_equal(summary["sizes"], np.bincount(found.cluster))
    assert summary["far"] == found.far.sum()
    assert summary["doubtful"] == (found.confidence < 0.5).sum()
    pictures = {path.name for path in calm.glob("*.png")}
    assert pictures == {"map.png", "density.png", *(f"cluster_{k:02}.png" for k in range(10))}


@slow
def test_a_killed_worker_loses_nothing(tmp_path, source, calm, assigned):
    process = start("assign", source, "--model", calm, "--out", tmp_path / "x", "--workers", 2)
    after_the_first_part(process, tmp_path / "x")
    children = psutil.Process(process.pid).children(recursive=True)
    workers = [one for one in children if "resource_tracker" not in " ".join(one.cmdline())]
    assert len(workers) == 2
    workers[0].kill()
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    check_assigned(tmp_path / "x", assigned)


@contextlib.contextmanager
def dask_cluster(folder):
    """A scheduler and a worker, as people start them."""
    known = folder / "scheduler.json"
    options = ["--scheduler-file", known, "--no-dashboard"]
    scheduler = start("--port", 0, "--host", "127.0.0.1", *options,
                      module="distributed.cli.dask_scheduler")  # fmt: skip
    worker = start("--nthreads", 1, "--no-nanny", *options, module="distributed.cli.dask_worker")
    try:
        end = time.monotonic() + PATIENCE
        while not known.exists() or not known.stat().st_size:
            assert time.monotonic() < end
            time.sleep(0.05)
        yield scheduler, json.loads(known.read_text())["address"]
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.communicate()


@slow
def test_a_killed_scheduler_is_told_and_nothing_is_lost(tmp_path, source, calm, assigned):
    out = tmp_path / "x"
    task = ["assign", source, "--model", calm, "--out", out]
    with dask_cluster(tmp_path) as (scheduler, address):
        process = start(*task, "--scheduler", address)
        after_the_first_part(process, out)
        scheduler.kill()
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, said
    assert "Traceback" not in said
    assert "run this again to go on" in said
    first = min((out / "clusters.parquet").iterdir())
    before = first.stat().st_mtime_ns
    run(*task, "--workers", 1)
    assert first.stat().st_mtime_ns == before, "what was there is not made again"
    check_assigned(out, assigned)


@slow
def test_two_runs_on_one_scheduler_keep_their_maps(tmp_path, source, calm, assigned, images):
    other = tmp_path / "other"
    ImageClusterer(3).fit(images[:600]).save(other)
    with dask_cluster(tmp_path) as (_, address):
        processes = {}
        for name, model in {"x": calm, "y": other}.items():
            task = ["assign", source, "--model", model, "--out", tmp_path / name]
            processes[name] = start(*task, "--scheduler", address)
        for process in processes.values():
            said, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, said
    check_assigned(tmp_path / "x", assigned)
    found = pd.read_parquet(tmp_path / "y" / "clusters.parquet")
    alone = ImageClusterer.load(other).assign(images)
    np.testing.assert_array_equal(found["cluster"], alone.cluster)


@slow
def test_images_of_another_size_are_refused_before_workers_start(tmp_path, calm):
    np.save(tmp_path / "x.npy", np.zeros((60, 20, 20), np.uint8))
    task = ["assign", tmp_path / "x.npy", "--model", calm, "--out", tmp_path / "out"]
    said = run(*task, "--workers", 1, status=2)
    assert "bring them to that size (--size)" in said
    assert not (tmp_path / "out").exists()


@pytest.fixture
def disk(tmp_path):
    """A disk that can be filled; it needs the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@slow
def test_a_killed_run_on_a_disk_that_is_then_full_loses_nothing(disk, source, calm):
    out = disk / "out"
    process = start(*cluster(source, out))
    after_the_first_part(process, out)
    os.killpg(process.pid, signal.SIGKILL)  # with all its workers
    process.communicate()
    whole = content(calm)
    names = {path for path in out.rglob("*") if path.is_file() and path.name not in (PROGRESS, RUN)}
    left = {str(path.relative_to(out)): path.read_bytes() for path in names if path.name[0] != "."}
    assert left.items() <= whole.items(), "what is there is whole"
    state = os.statvfs(disk)
    with (disk / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, state.f_bavail * state.f_frsize)
    said = run(*cluster(source, out), status=1)
    assert os.strerror(errno.ENOSPC) in said
    (disk / "filler").unlink()
    run(*cluster(source, out))
    assert content(out) == whole


@slow
def test_digits_deformed_by_workers_are_those_of_one_process(tmp_path, monkeypatch, sample):
    monkeypatch.setattr(many, "PART", 700)
    made = many.deform_many(sample, tmp_path, Helpers(workers=1), count=1_500, seed=3)
    assert made == {"n_images": 1_500, "n_parts": 3}
    parts = [np.load(tmp_path / f"images-{number:05}.npy") for number in range(3)]
    expected = deform(sample.train_images, np.arange(1_500), seed=3)
    np.testing.assert_array_equal(np.concatenate(parts), expected)
    labels = [np.load(tmp_path / f"labels-{number:05}.npy") for number in range(3)]
    np.testing.assert_array_equal(
        np.concatenate(labels), labels_of_copies(sample.train_labels, np.arange(1_500))
    )


# --- without workers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "kind"), [([-1, 7], np.int64), ([1000, 3], np.int64), ([0, 255], np.uint8)]
)
def test_deformed_copies_keep_any_label(monkeypatch, labels, kind, sample):
    sent = sample.train_images[:2], np.array(labels)
    monkeypatch.setattr(many, "was_sent", lambda _: sent)
    made = many._deformed("", 0, 0, 4, 0)
    found = np.load(io.BytesIO(made["labels-00000.npy"]))
    assert found.dtype == kind
    assert found.tolist() == labels * 2
    monkeypatch.setattr(many, "was_sent", lambda _: (sent[0], None))
    assert set(many._deformed("", 0, 0, 4, 0)) == {"images-00000.npy"}


def test_workers_that_come_later_are_looked_at_too(monkeypatch):
    plugin = distributed._Sent("the map")
    worker = SimpleNamespace(address="there", plugins={plugin.name: plugin})
    monkeypatch.setattr(distributed, "get_worker", lambda: worker)
    assert distributed.was_sent(plugin.name) == "the map"
    plugin.versions = plugin.versions | {"numerics": "of another processor"}
    with pytest.raises(DaskError, match="The worker there has numerics"):
        distributed.was_sent(plugin.name)


def test_a_picture_whose_name_is_no_text_gets_a_row(tmp_path, sample):
    name = b"f\xfcnf.png"
    for number, image in enumerate(sample.train_images[:60]):
        place = os.fsencode(tmp_path) + b"/" + (name if number == 5 else b"%02d.png" % number)
        Image.fromarray(image).save(os.fsdecode(place))
    model = ImageClusterer(2).fit(sample.train_images[:60])
    source = open_source(tmp_path)
    nobody = np.empty(0, np.int64)
    written = many._table(model, source.chunks[0], None, nobody, nobody)
    files = pd.read_parquet(io.BytesIO(written)).file
    assert len(files) == 60
    assert files.str.startswith("f\N{REPLACEMENT CHARACTER}nf").sum() == 1


def test_a_part_that_was_changed_is_made_again(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"changed")
    record = {name: {name: distributed.digest(name.encode())} for name in "abc"}
    jobs = [distributed.Job(name, 1, ()) for name in "abc"]
    half = b'["c", {"c": "0'
    (tmp_path / PROGRESS).write_bytes(distributed._lines(record, jobs) + half)
    assert distributed._read_progress(tmp_path) == {"a": record["a"]}


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path):
    with begun(tmp_path, {"seed": 0}) as known:
        assert known == {}
        distributed.write_atomically(
            tmp_path / RUN, distributed.to_json(distributed.run_record({"seed": 0}))
        )
    with begun(tmp_path, {"seed": 0}) as known:
        assert known["settings"] == {"seed": 0}
    with (
        pytest.raises(ValueError, match="other images, or with other settings"),
        begun(tmp_path, {"seed": 1}),
    ):
        pass
    (tmp_path / RUN).unlink()
    (tmp_path / "thesis.txt").touch()
    with (
        pytest.raises(ValueError, match=r"holds thesis\.txt, which no such run wrote"),
        begun(tmp_path, {"seed": 0}),
    ):
        pass


def test_no_scheduler_is_told(monkeypatch):
    monkeypatch.setattr(distributed, "PATIENCE", 0.2)
    with (
        pytest.raises(DaskError, match="No Dask scheduler with workers answers at tcp://127"),
        distributed.connected(Helpers("tcp://127.0.0.1:9")),
    ):
        pass


class Client:
    """Workers that say what they have."""

    def __init__(self, **changed):
        self.found = {**distributed._versions(), **changed}

    def run(self, ask, packages):
        told = ask(packages)
        assert told == distributed._versions()
        assert ask(["no-such-package"])["no-such-package"] == "none"
        return {"tcp://a:1": self.found}


def test_workers_with_other_versions_are_refused():
    distributed._refuse_unlike(Client())
    with pytest.raises(DaskError, match=r"worker tcp://a:1 has numba 0\.1 instead of"):
        distributed._refuse_unlike(Client(numba="0.1"))
    with pytest.raises(DaskError, match="has mnist-clust none instead of"):
        distributed._refuse_unlike(Client(**{"mnist-clust": "none"}))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (distributed.asyncio.CancelledError(), "scheduler is gone"),
        (distributed.CommClosedError(), "scheduler is gone"),
        (distributed.FutureCancelledError("x", "connection lost"), "scheduler is gone"),
        (RuntimeError("it has died"), r"workers failed \(it has died\)"),
    ],
)
def test_failures_are_told_in_a_sentence(error, said):
    with pytest.raises(DaskError, match=said), distributed._told_in_a_sentence():
        raise error


@pytest.mark.parametrize("error", [distributed.DataError("no image"), OSError(28, "full")])
def test_what_is_a_sentence_already_stays_it(error):
    with pytest.raises(type(error)) as caught, distributed._told_in_a_sentence():
        raise error
    assert caught.value is error


def invoke(*arguments):
    return CliRunner().invoke(commands.main, [str(argument) for argument in arguments])


def test_what_cannot_be_read_in_parts_is_told(tmp_path):
    (tmp_path / "x.csv").write_text("pixel0,label\n1,2\n")
    for images in (tmp_path / "x.csv", "mnist"):
        result = invoke("cluster", images, "--fit-on", "100")
        assert result.exit_code == 2
        assert f"{images} cannot be read in parts" in result.output


def test_many_images_are_recognised(tmp_path, monkeypatch, images):
    np.save(tmp_path / "x.npy", images[:60])
    done = []
    monkeypatch.setattr(many, "cluster_many", lambda *what, **given: done.append(given) or {})
    monkeypatch.setattr("image_files.chunks.MANY", 60)
    assert invoke("cluster", tmp_path / "x.npy", "--out", tmp_path / "out").exit_code == 0
    assert done[0]["fit_on"] == 60_000
    monkeypatch.setattr("image_files.chunks.MANY", 61)
    assert commands._many(str(tmp_path / "x.npy"), wanted=False) is None
