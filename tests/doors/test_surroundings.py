"""What lies around a run: kernels of others, poor terminals, no home, no checkout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import kinds
import numpy as np
import pytest
from click.testing import CliRunner
from helpers import unprivileged

from mnist_clust import _mnist, load_digits
from mnist_clust.__main__ import main
from mnist_report import execute, report

pytestmark = pytest.mark.slow  # nearly all are commands of their own

PACKAGE = Path(_mnist.__file__).parent


def python(*arguments, **options):
    environment = {**os.environ, **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True, check=False, env=environment, **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    ["report --data missing", "explore --data missing", "cluster missing",
     "assign missing --model missing"],
)  # fmt: skip
def test_a_refusal_does_not_wait_for_libraries(command, tmp_path):
    program = (
        "import sys\n"
        "from mnist_clust.__main__ import main\n"
        "sys.argv[0] = 'mnist-clust'\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    slow = {'matplotlib', 'numba', 'pandas', 'sklearn', 'streamlit'} & set(sys.modules)\n"
        "    print('loaded:', *sorted(slow))\n"
    )
    done = python("-c", program, *command.split(), cwd=tmp_path, text=True)
    assert done.returncode == 2, done.stderr
    assert "missing does not exist" in done.stderr
    assert done.stdout == "loaded:\n"


@pytest.mark.parametrize("command", ["report", "notebooks"])
def test_without_a_checkout_there_are_no_notebooks(command, tmp_path):
    """As of an installed package: nothing around the package, and somebody else's notebook here."""
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "mnist_clust").symlink_to(PACKAGE)
    (tmp_path / "here" / "notebooks").mkdir(parents=True)
    (tmp_path / "here" / "notebooks" / "01_mine.ipynb").write_text("{}")
    program = (
        "import mnist_clust.__main__ as commands\n"
        "import sys\n"
        "from pathlib import Path\n"
        "import mnist_clust\n"
        "mnist_clust.__file__ = str(Path('site-packages/mnist_clust/__init__.py').absolute())\n"
        "sys.argv = ['mnist_clust', *sys.argv[1:]]\n"
        "commands.main()"
    )
    arguments = ["--data", "sample"] if command == "report" else []
    done = python("-c", program, command, *arguments, cwd=tmp_path / "here", text=True)
    assert done.returncode == 2, done.stderr
    assert "the notebooks do not come with the installed package" in done.stderr
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["notebooks"]


def test_notebooks_run_in_the_interpreter_that_runs_the_report(tmp_path, monkeypatch):
    """Whatever `python3` somebody has put on JUPYTER_PATH."""
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    spec = {"argv": ["/bin/false", "{connection_file}"], "display_name": "x", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    manager = execute._SameInterpreter(kernel_name="python3")
    assert manager.kernel_spec.argv[0] == sys.executable
    monkeypatch.setenv("MNIST_CLUST_OUT", str(tmp_path / "out"))
    np.save(tmp_path / "x.npy", kinds.INK)
    made = report.make_report(
        load_digits(tmp_path / "x.npy"), str(tmp_path / "x.npy"), report.find_notebooks(["01"])
    )
    assert made.index.is_file()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_terminals_that_know_few_letters(encoding, tmp_path):
    image = "größe …"
    np.save(tmp_path / f"{image}.npy", 255 - kinds.INK)
    arguments = ["-m", "mnist_clust", "cluster", f"{image}.npy", "--clusters", "2", "--out", "out"]
    done = python(*arguments, cwd=tmp_path, env={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    assert b"it was inverted" in done.stdout
    assert b"n_clusters" in done.stdout
    for command in (["assign", "missing …", "--model", "out"], ["nonsense …"], ["--nonsense=…"]):
        done = python(
            "-m", "mnist_clust", *command, cwd=tmp_path, env={"PYTHONIOENCODING": encoding}
        )
        assert done.returncode == 2
        assert b"Traceback" not in done.stderr


def test_commands_where_windows_lacks_what_others_have(tmp_path):
    """An imitation: there is no Windows here. The workflow runs a report on a real one."""
    np.save(tmp_path / "x.npy", kinds.INK)
    program = (
        "import os, sys\n"
        "from mnist_clust import numerics; numerics.fix()\n"
        "import mnist_clust.own_images, mnist_report.report, psutil\n"  # libraries know the truth
        "for name in [name for name in sys.modules if name.startswith('mnist_clust')]:\n"
        "    del sys.modules[name]\n"
        "for name in ('fcntl', 'resource'):\n"
        "    sys.modules[name] = None\n"
        "for name in ('sysconf', 'chown', 'O_NONBLOCK', 'geteuid', 'getuid', 'fork'):\n"
        "    delattr(os, name)\n"
        "sys.platform = 'win32'\n"
        "from mnist_clust.__main__ import main\n"
        "main()"
    )
    for _ in range(2):  # the second one replaces what the first one wrote
        done = python("-c", program, "cluster", "x.npy", "--clusters", "2", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    (tmp_path / f".a.{os.getpid()}-00000000.mnist-clust-new").touch()
    (tmp_path / ".b.99999999-00000000.mnist-clust-new").touch()
    arguments = ["assign", "x.npy", "--model", "clusters-x", "--out", "assigned.csv"]
    done = python("-c", program, *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "assigned.csv").is_file()
    left = [path.name for path in tmp_path.glob(".*.mnist-clust-new")]
    assert left == [f".a.{os.getpid()}-00000000.mnist-clust-new"], "whoever runs keeps its file"


def test_file_names_that_are_no_text(tmp_path):
    (tmp_path / "pictures").mkdir()
    for number, image in enumerate(kinds.INK):
        name = os.fsdecode(b"%02d\xff.png" % number)
        (tmp_path / "pictures" / name).write_bytes(kinds.as_png(image))
    arguments = ["-m", "mnist_clust", "cluster", "pictures", "--clusters", "2", "--out", "out"]
    done = python(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"00\xff.png" in (tmp_path / "out" / "clusters.csv").read_bytes()


def test_nobody_has_a_home(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert _mnist._keras_cache() == Path("/tmp/.keras/datasets/mnist.npz")
    assert isinstance(_mnist.mnist_is_local(), bool)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without a home")
def test_commands_of_somebody_without_a_home(shared, monkeypatch):
    np.save(shared / "x.npy", kinds.INK)
    for name in ("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    arguments = ["-m", "mnist_clust", "cluster", "x.npy", "--clusters", "2", "--out", "out"]
    with unprivileged():
        runs = os.access(sys.executable, os.X_OK, effective_ids=True)
    if not runs:
        pytest.skip("somebody else may not run this interpreter")
    done = python(*arguments, cwd=shared, user=54321, group=54321, text=True)
    assert done.returncode == 0, done.stderr
    assert (shared / "out" / "map.png").exists()


def test_one_size_reaches_every_door(tmp_path, monkeypatch):
    """Notebooks and the explorer load the images themselves, in other processes."""
    np.save(tmp_path / "x.npy", kinds.INK)
    seen = []

    def look(*_, **__):
        seen.append(
            (os.environ.get("MNIST_CLUST_SIZE"), load_digits(tmp_path / "x.npy").image_shape)
        )
        return report.Report(tmp_path, tmp_path, {"verdicts": {}, "numbers": {}, "data": "x"})

    monkeypatch.setattr(report, "make_report", look)
    monkeypatch.setattr("mnist_explorer.serve.serve", look)
    for command in ("report", "explore"):
        result = CliRunner().invoke(
            main, [command, "--data", str(tmp_path / "x.npy"), "--size", "9x12"]
        )
        assert result.exit_code == 0, result.output
    assert seen == [("9x12", (9, 12))] * 2
    assert "MNIST_CLUST_SIZE" not in os.environ
