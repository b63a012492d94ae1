"""What is given to make reaches the program as it is, and nothing in it is run."""

import os
import shutil
import subprocess
import sys

import pytest

from mnist_clust import project_root

pytestmark = pytest.mark.slow

WORDS = [
    "plain", "größe & co.npz", "a  b", "", "missing.npz", "$(touch x)", "$(shell touch x)",
    "`touch x`", "; touch x", "&& touch x", "| touch x", "> x", "\"; touch x; \"", "'; touch x; '",
    "$(eval x:=1)", "$(DATA)", "$HOME", "${HOME}", "$$", "$", "--help", "-", "* ?", "~", "#c", "%",
    "a\\b", "a\ntouch x",
]  # fmt: skip
# Stands in for .venv/bin/python, and writes down word for word what it was given.
RECORDER = "#!/bin/sh\nprintf '%s\\0' \"$@\" > given\n"


@pytest.fixture
def checkout(tmp_path):
    """The Makefile, with what it needs to believe that all is installed."""
    shutil.copy(project_root() / "Makefile", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(RECORDER)
    python.chmod(0o755)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / ".venv" / "installed").touch()
    return tmp_path


def make(checkout, *words, **environment):
    done = subprocess.run(
        ["make", *words], cwd=checkout, capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert not (checkout / "x").exists(), "a person's text was run"
    return done


@pytest.mark.parametrize("way", ["argument", "environment"])
@pytest.mark.parametrize("word", WORDS)
def test_variables_reach_the_program_as_they_are(word, way, checkout):
    given = {"DATA": word, "NOTEBOOKS": f"01 {word}"}
    for target in ("report", "explore"):
        if way == "argument":
            done = make(checkout, target, *(f"{name}={value}" for name, value in given.items()))
        else:
            done = make(checkout, target, **given)
        assert done.returncode == 0, done.stderr
        words = (checkout / "given").read_text("utf-8").split("\0")[:-1]
        expected = ["-m", "mnist_clust", target, "--data", word]
        if target == "report":
            expected += ["--", "01", *word.split()]
        assert words == expected


@pytest.mark.parametrize("word", ["$(shell touch x)", "; touch x", "`touch x`", "größe & co"])
def test_no_name_of_a_python_is_run_by_a_shell(word, checkout):
    (checkout / ".venv" / "installed").unlink()
    done = make(checkout, "report", f"PYTHON={word}")
    assert done.returncode == 2
    assert "name one, as in PYTHON=" in done.stderr
    assert (checkout / ".venv" / "bin" / "python").exists(), "what was there is kept"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (["DATA=größe & $(touch x).npz"], "größe & $(touch x).npz does not exist"),
        (["DATA=sample", "NOTEBOOKS=$(touch x) 77"], "no notebook starts with"),
    ],
)
def test_bad_words_end_in_a_sentence(variables, expected, checkout):
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    done = make(checkout, "report", *variables)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
