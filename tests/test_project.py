"""The files around the package say the same things."""

import re
import subprocess
import tomllib

import pytest

from mnist_clust.cache import project_root
from mnist_clust.readme import render_readme

ROOT = project_root()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def split(requirement: str) -> tuple[str, str]:
    name, bound = re.match(r"([\w-]+)\s*(.*)", requirement).groups()
    return name.lower().replace("_", "-"), bound


def test_conda_and_pip_ask_for_the_same():
    lines = re.findall(r"^ +- ([\w-]+ [<>=].*)$", (ROOT / "environment.yml").read_text(), re.M)
    conda = dict(split(line) for line in lines)
    assert conda.pop("python") == PROJECT["requires-python"]
    pip = dict(split(r) for r in PROJECT["dependencies"])
    for extra in PROJECT["optional-dependencies"].values():
        pip |= dict(split(r) for r in extra)
    assert conda == pip


def test_lock_is_hashed_covers_all_and_names_no_address():
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in lock
    pinned = {split(name)[0] for name in re.findall(r"^([\w.-]+)==", lock, re.M)}
    for requirement in PROJECT["dependencies"]:
        assert split(requirement)[0] in pinned
    entries = re.split(r"\n(?=[a-z0-9])", lock)
    for entry in entries[1:]:
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_readme_tables_are_those_of_the_results():
    text = (ROOT / "README.md").read_text("utf-8")
    assert render_readme(text) == text, "run `make readme`"


def test_readme_shows_only_files_that_exist():
    text = (ROOT / "README.md").read_text("utf-8")
    links = re.findall(r"\]\(([^):#]+)\)", text) + re.findall(r'src="([^":]+)"', text)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_make_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in targets:
        assert f"make {target} " in said.stdout, target


@pytest.mark.parametrize("path", ["src", "tests", "notebooks", "benchmarks", "Makefile"])
def test_no_file_but_ci_names_the_place_of_the_data(path):
    place = "/".join(["shared", "data"])
    files = [ROOT / path] if (ROOT / path).is_file() else (ROOT / path).rglob("*")
    for file in files:
        if file.is_file() and file.suffix in {".py", ".ipynb", ".toml", ""}:
            assert place not in file.read_text("utf-8", errors="ignore"), file
