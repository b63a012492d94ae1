"""The same bits on every processor: run here, and on one of another maker, emulated."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from mnist_clust import numerics
from mnist_report import digests

EMULATOR = shutil.which("qemu-x86_64")
STAGES = """
from mnist_clust import numerics
numerics.fix()
import json
from dataclasses import replace
from mnist_clust import load_digits
from mnist_report.digests import digest_stages
digits = load_digits("sample")
cut = digits.train_images[:400, 4:24, 4:24], digits.test_images[:, 4:24, 4:24]  # emulation is slow
few = replace(digits, train_images=cut[0], train_labels=None, test_images=cut[1])
print(json.dumps(digest_stages(few)))
"""


def run(*command, **variables):
    environment = {key: value for key, value in os.environ.items() if key != numerics.VARIABLE}
    return subprocess.run(
        [*command], env=environment | variables, capture_output=True, text=True, check=False
    )


def unqemu(text):
    """Leave out what the emulator says of instructions that it lacks."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("qemu-x86_64:"))


needs_emulator = pytest.mark.skipif(
    EMULATOR is None, reason="no qemu-x86_64 here (Debian: apt-get install qemu-user)"
)


@needs_emulator
@pytest.mark.slow
@pytest.mark.skipif(numerics.in_force() != numerics.FIXED, reason="this run has other numerics")
def test_every_stage_has_the_same_bits_on_a_processor_of_another_maker(tmp_path):
    """Intel's on AMD, AMD's on all others: what this one gives, the other must."""
    processors = {
        "here": [],
        "there": [EMULATOR, "-cpu", "Haswell" if "AMD" in numerics.processor() else "EPYC"],
    }
    found = {}
    for name, command in processors.items():  # the first also compiles, for both
        cache = {"MNIST_CLUST_CACHE": str(tmp_path / name)}
        done = run(*command, sys.executable, "-c", STAGES, **cache)
        assert done.returncode == 0, unqemu(done.stderr)
        found[name] = json.loads(done.stdout)
    assert len(found["here"]) == 10
    assert found["there"] == found["here"]


@pytest.mark.slow
@needs_emulator
def test_a_processor_too_old_runs_its_own_code_and_says_so():
    say = "from mnist_clust import numerics; print(numerics.in_force())"
    command = ("-m", "mnist_clust.numerics", "-c", say)
    done = run(EMULATOR, "-cpu", "Nehalem", sys.executable, *command)
    assert done.stdout.strip() == "own", unqemu(done.stderr)
    assert unqemu(done.stderr).count("\n") == 0
    assert "does not understand the fixed numerical code" in done.stderr


def test_the_environment_is_inherited_and_can_be_chosen():
    say = (
        "import os; print(os.environ.get('OPENBLAS_CORETYPE'), os.environ['MNIST_CLUST_NUMERICS'])"
    )
    for name, library in (("nehalem", "Nehalem"), ("own", "None")):
        variables = numerics.environment(name)
        assert numerics.VARIABLE in variables
        done = subprocess.run(
            [sys.executable, "-m", "mnist_clust.numerics", "-c", say],
            env=variables, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.split() == [library, name]


def test_an_unknown_choice_is_refused():
    done = run(sys.executable, "-m", "mnist_clust", "--help", MNIST_CLUST_NUMERICS="zen")
    assert done.returncode == 2
    assert "MNIST_CLUST_NUMERICS=zen is not known: choose from haswell" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_set_too_late():
    late = "import numpy; from mnist_clust import numerics; numerics.fix()"
    variables = numerics.environment("own")
    del variables[numerics.VARIABLE]
    done = subprocess.run(
        [sys.executable, "-c", late], env=variables, capture_output=True, text=True, check=False
    )
    assert "fix numerics first" in done.stderr


@pytest.mark.slow
def test_the_engine_alone_sets_nothing():
    say = (
        "import os; before = dict(os.environ); import numba_tsne; "
        "print(*(key for key in os.environ if os.environ[key] != before.get(key)))"
    )
    variables = numerics.environment("own")
    del variables[numerics.VARIABLE]
    done = subprocess.run(
        [sys.executable, "-c", say], env=variables, capture_output=True, text=True, check=True
    )
    assert not set(done.stdout.split()) & numerics.environment("haswell").keys() - variables.keys()


def test_the_committed_digests_are_those_of_all_stages_for_both_data_sets(sample):
    committed = digests.read_digests()
    assert set(committed) == {"mnist", "sample"}
    assert list(committed["mnist"]) == list(committed["sample"])
    one = {"pixels": committed["sample"]["pixels"]}
    assert digests.digest_stages(sample, ["01"]) == one
    assert "The same bits" in digests.compare_with_committed(sample, one)
    differing = digests.compare_with_committed(sample, one | {"features": "0"})
    assert "'features'" in differing


@pytest.mark.parametrize("name", ["", "zen"])
def test_a_name_that_is_none_is_not_in_force(monkeypatch, name):
    monkeypatch.setenv(numerics.VARIABLE, name)
    assert numerics.in_force() == numerics.OWN


def test_own_code_runs_on_one_thread_too(monkeypatch):
    for key in numerics._ONE_THREAD:
        monkeypatch.delenv(key, raising=False)
    environment = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CPU_NAME",)}
    say = (
        "from mnist_clust import numerics; numerics.fix(); import os;"
        "print(os.environ['OMP_NUM_THREADS'], numerics.in_force())"
    )
    done = subprocess.run(
        [sys.executable, "-c", say], env=environment | {numerics.VARIABLE: "own"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["1", "own"]
