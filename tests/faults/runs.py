"""Runs in a process of their own, which can be stopped at any moment, and what they leave."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import joblib
import nbformat
import pytest

NOTEBOOKS = ("02",)  # short, with figures and with a result in the cache
TIMES = {"seconds", "peak_memory_mb"}  # what no two runs share


class Place:
    """A cache, an output folder and a folder for temporary files, of one series of runs."""

    def __init__(self, root: Path, data: Path) -> None:
        self.root, self.data = root, data
        self.cache, self.out, self.temporary = root / "cache", root / "out", root / "tmp"
        self.temporary.mkdir(parents=True)

    def start(
        self, command: str, out: Path | None = None, data: object = None,
        notebooks: tuple[str, ...] = NOTEBOOKS, **environment,
    ):  # fmt: skip
        """Start ``cluster``, ``report`` or ``assign`` in a process group of its own."""
        out, data = out or self.out, str(data or self.data)
        arguments = {
            "cluster": ["cluster", data, "--out", str(out)],
            "assign": ["assign", data, "--model", str(self.out), "--out", str(out)],
            "report": ["report", "--data", data, *notebooks],
        }[command]
        environment = {
            **os.environ,
            "MNIST_CLUST_CACHE": str(self.cache),
            "MNIST_CLUST_OUT": str(out),
            "TMPDIR": str(self.temporary),
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "mnist_clust", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str, **options) -> tuple[int, str]:
        """Run to the end; return the exit status and what was said."""
        process = self.start(command, **options)
        said, _ = process.communicate(timeout=600)
        return process.returncode, said

    def kernels(self) -> list[str]:
        """List the kernels of these runs that are alive."""
        listed = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,stat=,args="],
            capture_output=True,
            text=True,
            check=True,
        )
        lines = [line for line in listed.stdout.splitlines() if str(self.root) in line]
        return [line for line in lines if "ipykernel" in line and line.split()[1][0] != "Z"]


def wait_until(condition, what: str, seconds: float = 60):
    """Wait for a condition, looked at often; fail if it never comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    pytest.fail(f"{what}: not within {seconds:.0f} s")
    return None


def wait_for_line(process, beginning: str) -> None:
    """Read what a run says until it says something."""
    said = ""
    while beginning not in said:
        character = process.stdout.read(1)
        assert character, f"it ended without saying {beginning!r}: {said}"
        said += character


def content(folder: Path) -> dict[str, object]:
    """Read all that runs left in a folder, without the times they took."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = _timeless(path)
    return found


def _timeless(path: Path) -> object:
    if path.suffix == ".json":
        return _without_times(json.loads(path.read_text("utf-8")))
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        return [(cell.source, json.dumps(cell.get("outputs"))) for cell in cells]
    if path.name == "index.html":  # has the seconds of each notebook
        lines = path.read_text("utf-8").splitlines()
        return [line for line in lines if not line.startswith('<td class="text-right">')]
    if path.suffix == ".pkl":
        return joblib.hash(joblib.load(path))
    return path.read_bytes()


def _without_times(tree: object) -> object:
    if isinstance(tree, dict):
        return {key: _without_times(value) for key, value in tree.items() if key not in TIMES}
    return tree


def hidden(folder: Path) -> list[Path]:
    """List what runs under way keep in a folder, and killed ones leave there."""
    if not folder.exists():
        return []
    return [path for path in folder.rglob(".*") if path.name != ".buildinfo"]


def says_one_sentence(said: str) -> bool:
    """Tell whether the last line is an error in one sentence, and nothing else complains."""
    lines = said.strip().splitlines()
    return lines[-1].startswith("Error: ") and "Traceback" not in said
