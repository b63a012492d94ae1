"""Ctrl-C, a kernel that somebody kills, and two runs at once."""

import json
import os
import signal
import time

import joblib
import numpy as np
import pytest
from runs import Place, content, says_one_sentence, wait_for_line, wait_until

SECONDS = 2  # within which Ctrl-C stops a run


@pytest.mark.parametrize("step", ["features …", "map …", "clusters …", "pictures …"])
def test_ctrl_c_stops_cluster_and_says_what_is_kept(step, place, survived):
    process = place.start("cluster", data="sample")
    wait_for_line(process, step)
    interrupt(process)
    assert not list(place.out.iterdir()), "all or nothing"
    survived("Ctrl-C in cluster")


@pytest.mark.parametrize("seconds", [0, 2, 5])
def test_ctrl_c_stops_report_and_its_kernels(seconds, place, survived):
    process = place.start("report", notebooks=("01", "02"))
    together = min(2, joblib.cpu_count())
    wait_until(lambda: len(place.kernels()) == together, "kernels start")
    time.sleep(seconds)
    if process.poll() is None:
        interrupt(process)
    assert not place.kernels()
    assert {path.name for path in place.out.iterdir()} <= {"figures", "interactive", "metrics"}
    assert not list(place.temporary.rglob("*"))
    survived("Ctrl-C in report")


def interrupt(process):
    os.killpg(process.pid, signal.SIGINT)
    started = time.monotonic()
    said, _ = process.communicate(timeout=60)
    assert time.monotonic() - started < SECONDS
    assert process.returncode == 130
    assert "Stopped: every file written so far is whole and is kept" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("seconds", [0, 3])
def test_a_kernel_that_is_killed(seconds, place, survived):
    process = place.start("report")
    (kernel,) = wait_until(place.kernels, "a kernel starts")
    time.sleep(seconds)
    os.kill(int(kernel.split()[0]), signal.SIGKILL)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert "its kernel" in said.strip().splitlines()[-1]
    assert says_one_sentence(said), said
    survived("a kernel killed")


def test_a_kernel_that_does_not_start(place, survived):
    (place.root / "ipykernel_launcher.py").write_text("raise SystemExit(1)")
    path = os.pathsep.join([str(place.root), os.environ.get("PYTHONPATH", "")])
    status, said = place.run("report", PYTHONPATH=path)
    assert status == 1
    assert "its kernel does not start" in said
    assert says_one_sentence(said), said
    survived("a kernel that does not start")


@pytest.mark.parametrize("command", ["cluster", "report"])
def test_two_runs_at_once_in_one_folder(command, place, survived):
    first, second = place.start(command), place.start(command)
    said = [process.communicate(timeout=600)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    waited = [f"Another run is writing to {place.out}" in text for text in said]
    assert sorted(waited) == [False, True]
    together = content(place.out)
    assert place.run(command)[0] == 0
    assert content(place.out) == together
    survived(f"two at once: {command}")


def test_two_reports_at_once_on_other_data_with_one_cache(place, tmp_path, tiny, survived):
    other = tmp_path / "other.npz"
    with np.load(tiny) as arrays:
        np.savez(other, images=arrays["images"][::-1], labels=arrays["labels"][::-1])
    processes = [
        place.start("report", out=place.out / "first"),
        place.start("report", out=place.out / "second", data=other),
    ]
    for process in processes:
        said, _ = process.communicate(timeout=600)
        assert process.returncode == 0, said
        assert "waits" not in said
    alone = Place(tmp_path / "alone", tiny)
    assert alone.run("report")[0] == 0
    assert content(place.out / "first") == content(alone.out)
    metrics = json.loads((place.out / "second" / "metrics.json").read_text("utf-8"))
    assert metrics["data"] == "other"
    survived("two at once: one cache")
