"""SIGKILL at random moments: the next run gives what a run never killed gives."""

import hashlib
import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
from runs import Place, content, hidden, wait_until

KILLS = int(os.environ.get("FAULTS_KILLS", "15"))  # of each command


@pytest.mark.parametrize("command", ["cluster", "report"])
def test_a_killed_run_leaves_nothing_that_a_later_one_trusts(command, tmp_path, tiny, survived):
    calm = Place(tmp_path / "calm", tiny)
    started = time.monotonic()
    status, said = calm.run(command)
    length = time.monotonic() - started
    assert status == 0, said
    whole = {"out": content(calm.out), "cache": content_of_cache(calm)}
    assert whole["out"]
    killed = Place(tmp_path / "killed", tiny)
    moments = np.random.default_rng(0).permutation(np.linspace(0.02, 0.98, KILLS))
    lengths = [length, length]
    for number, moment in enumerate(moments):
        kept = number % 2  # every other one is killed over the results of the one before
        lengths[kept] = kill(killed, command, moment, lengths[kept])
        wait_until(lambda: not killed.kernels(), "kernels end with their run", 30)
        assert len(hidden(killed.out)) <= len(whole["out"]), "leftovers do not add up"
        assert content_of_cache(killed).items() <= whole["cache"].items()
        if command == "cluster" and killed.out.exists():
            seen = {name: file for name, file in content(killed.out).items() if name[0] != "."}
            assert seen.items() <= whole["out"].items()
        status, said = killed.run(command)
        assert status == 0, said
        assert content(killed.out) == whole["out"], "nothing more, nothing else"
        assert content_of_cache(killed) == whole["cache"]
        assert len(hidden(killed.cache)) <= len(hidden(calm.cache)), "leftovers are removed"
        assert not list(killed.temporary.rglob("*"))
        if kept:
            shutil.rmtree(killed.cache, ignore_errors=True)  # `cluster` has none
        survived(f"SIGKILL of {command}")


def kill(place: Place, command: str, moment: float, length: float) -> float:
    """Kill a run at a share of its length; return the length, or a new one if it was shorter."""
    while True:
        started = time.monotonic()
        process = place.start(command)
        try:
            process.communicate(timeout=moment * length)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return length
        length = time.monotonic() - started  # it had ended: machines have other work, too


def content_of_cache(place: Place) -> dict[str, object]:
    """Read the entries of a cache; all of them must be whole, with their digests."""
    entries = list(place.cache.rglob("output.pkl"))
    for entry in entries:
        kept = entry.with_name("output.sha256").read_text("utf-8")
        assert kept == hashlib.sha256(entry.read_bytes()).hexdigest()
    kept = content(place.cache) if place.cache.exists() else {}
    return {name: kept[name] for name in (str(e.relative_to(place.cache)) for e in entries)}
