"""The files around the package say the same things."""

import ast
import itertools
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import numpy as np
import pytest
import yaml

from mnist_clust import project_root
from mnist_clust.claims import load_claims
from mnist_report.site import render_readme

ROOT = project_root()
SOURCE = ROOT / "src"
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


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_is_hashed_covers_all_and_names_no_address(name):
    lock = (ROOT / name).read_text("utf-8")
    assert "://" not in lock
    pinned = {split(name)[0] for name in re.findall(r"^([\w.-]+)==", lock, re.M)}
    extras = PROJECT["optional-dependencies"]
    left = {"bench", "dev"} if name == "requirements.lock" else set()
    for extra, requirements in {"": PROJECT["dependencies"], **extras}.items():
        for requirement in requirements if extra not in left else ():
            assert split(requirement)[0] in pinned
    if left:
        assert not {"pytest", "mypy", "umap-learn"} & pinned, "a report needs no test tools"
    entries = re.split(r"\n(?=[a-z0-9])", lock)
    for entry in entries[1:]:
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_what_is_tested_is_what_is_installed():
    users, all_ = (
        set(re.findall(r"^[\w.-]+==\S+", (ROOT / name).read_text("utf-8"), re.M))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert users < all_


WITHOUT = """
import runpy, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

blocked, sys.argv[1:] = set(sys.argv[1].split(",")), sys.argv[2:]
sys.meta_path.insert(0, Blocked())
runpy.run_module("mnist_clust", run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow
def test_a_small_install_clusters_and_names_the_extra_that_the_rest_needs(tmp_path):
    extras = PROJECT["optional-dependencies"]
    lacking = {
        split(r)[0] for extra in ("data", "report", "explore", "scale") for r in extras[extra]
    }
    modules = {
        module
        for module, packages in packages_distributions().items()
        if lacking & {name.lower().replace("_", "-") for name in packages}
    }
    assert {"keras", "papermill", "streamlit", "dask", "skimage"} <= modules
    images = np.random.default_rng(0).integers(0, 256, size=(60, 20, 20), dtype=np.uint8)
    np.save(tmp_path / "x.npy", images)

    def run(*command):
        blocked = [sys.executable, "-c", WITHOUT, ",".join(modules), *map(str, command)]
        return subprocess.run(blocked, capture_output=True, text=True, cwd=tmp_path, check=False)

    done = run("cluster", "x.npy", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "index.html").exists()
    for extra, command in {
        "report": ("report", "--data", "sample"),
        "explore": ("explore", "--data", "sample"),
        "scale": ("cluster", "x.npy", "--out", "many", "--fit-on", "50"),
    }.items():
        done = run(*command)
        assert done.returncode == 1
        assert f"install the extra '{extra}'" in done.stderr
        assert "Traceback" not in done.stderr


def test_what_others_score_is_of_the_locked_versions():
    stored = json.loads((ROOT / "results" / "other_engines.json").read_text("utf-8"))
    locked = (ROOT / "requirements-dev.lock").read_text("utf-8")
    for engine, version in stored["versions"].items():
        pinned = re.findall(rf"^{engine}==(\S+)", locked, re.M | re.I)
        assert version in pinned, f"run {stored['command']}: {engine} is locked at {pinned}"


def test_readme_tables_are_those_of_the_results():
    text = (ROOT / "README.md").read_text("utf-8")
    assert render_readme(text) == text, "run `make readme`"


def test_readme_opens_with_what_was_measured():
    opening = (ROOT / "README.md").read_text("utf-8").split("\n\n")[1]
    numbers = json.loads((ROOT / "results" / "metrics.json").read_text("utf-8"))["numbers"]
    assert "More than 99%" in opening
    assert min(numbers["sharp_accuracy"], numbers["sharp_accuracy_test"]) > 0.99
    assert numbers["sharp_finds_ten"] == 10  # "all ten sharp maps", further down
    scale = json.loads((ROOT / "results" / "scale.json").read_text("utf-8"))
    assert scale["machine"]["cores"] == 2 and "about half a minute on two cores" in opening
    seconds = [sum(row["fit_seconds"].values()) for row in scale["rows"]]
    assert 20 < min(seconds) < 40  # of 60,000 digits; the first run also compiled


def test_readme_says_of_workers_and_spoilt_digits_what_was_measured():
    text = (ROOT / "README.md").read_text("utf-8")
    rows = json.loads((ROOT / "results" / "scale.json").read_text("utf-8"))["rows"]
    [placing] = [row["placing_seconds_assign"] for row in rows if row["images"] == 1_000_000]
    times = placing["1 worker"] / placing["2 workers"]
    assert f"One worker took {times:.1f} times as long for a million as two." in " ".join(
        text.split()
    )
    for claim in load_claims():
        if claim.id in ("noisy_accuracy", "inverted_accuracy"):
            band = claim.bands["mnist"]
            assert f"{band.lowest:.0%} to {band.highest:.0%}" in text
    stored = (ROOT / "notebooks" / "10_try_other_digits.ipynb").read_text("utf-8")
    found = {
        name: re.search(rf'"{name} +\d+ +10 +(\d+) ', stored)[1]
        for name in ("noisy", "inverted", "classes of very unequal size")
    }
    assert list(found.values()) == ["9", "8", "8"] and "left 9 of 10" in text and "left 8." in text


def test_readme_says_of_the_goals_what_was_reached():
    goals = json.loads((ROOT / "results" / "benchmark.json").read_text("utf-8"))["goals"]
    assert len(goals) == 12 and all(reached for *_, reached in goals)
    assert "All twelve goals" in (ROOT / "README.md").read_text("utf-8")


def test_readme_shows_only_files_that_exist():
    text = (ROOT / "README.md").read_text("utf-8")
    links = re.findall(r"\]\(([^):#]+)\)", text) + re.findall(r'src="([^":]+)"', text)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("part", ["metrics.json:notebooks", "memory.json:commands"])
def test_nothing_holds_more_than_four_gigabytes(part):
    name, _, key = part.partition(":")
    path = ROOT / "results" / name
    if not path.exists():
        pytest.skip(f"results/{name} is not there yet: `make memory` writes it")
    measured = json.loads(path.read_text("utf-8"))
    assert measured["data"] == "mnist"
    assert measured[key]
    for what, spent in measured[key].items():
        assert 0 < spent["peak_memory_mb"] <= 4096, what


def test_make_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in targets:
        assert f"make {target} " in said.stdout, target


def test_citation_is_of_this_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["title"].startswith(PROJECT["name"])
    for work in (citation, *citation["references"]):
        assert work["authors"] and work["title"], "what the format requires"


def test_changelog_knows_the_version():
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert versions[0] == "Unreleased" or versions[0] == PROJECT["version"]
    assert len(set(versions)) == len(versions)


# --- what contributors are told ------------------------------------------------------------------


@pytest.fixture(scope="module")
def contributing():
    return (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_contributors_are_told_of_things_that_exist(contributing):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    for target in re.findall(r"`make ([a-z]+)", contributing):
        assert target in targets, target
    for path in re.findall(r"[`\s]([\w./-]+\.(?:py|toml|yml|lock|json|md))\b", contributing):
        places = (ROOT, ROOT / "src" / "mnist_clust")
        assert any((place / path).is_file() for place in places), path


# Each is one part of the flow; mnist_clust is many.
PACKAGES = ("image_files", "numba_tsne", "mnist_many", "mnist_report", "mnist_explorer")


def modules_of(part):
    folder = SOURCE / part if part in PACKAGES else SOURCE / "mnist_clust" / part
    files = sorted(folder.rglob("*.py")) or [folder.with_suffix(".py")]
    return [ast.parse(file.read_text("utf-8")) for file in files]


def imported_by(part):
    """Name the parts that a part imports, also inside of functions; itself left out."""
    found = set()
    for node in itertools.chain.from_iterable(map(ast.walk, modules_of(part))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for package, _, rest in (name.partition(".") for name in names):
            found.add(rest.split(".")[0] if package == "mnist_clust" else package)
    return found - {part}


def test_data_flows_one_way(contributing):
    flow = re.findall(r"\w+", re.search(r"```\n(image_files →.*?)```", contributing, re.S)[1])
    assert len(flow) > 10
    for place, part in enumerate(flow):
        later = imported_by(part) & set(flow[place:])
        assert not later, f"{part} imports {', '.join(later)}, which comes after it"


@pytest.mark.parametrize("package", ["image_files", "numba_tsne"])
def test_the_engine_and_the_reader_know_nothing_of_this_project(package):
    texts = [path.read_text("utf-8") for path in (SOURCE / package).rglob("*.py")]
    assert texts
    imports = re.compile(r"^\s*(?:from|import) mnist_", re.M)
    assert not any(map(imports.search, texts))


# --- what machines run ---------------------------------------------------------------------------


def test_the_workflow_does_what_ci_does():
    text = (ROOT / ".github" / "workflows" / "check.yml").read_text("utf-8")
    workflow = yaml.safe_load(text)
    triggers = workflow[True]  # YAML reads the key `on` so
    assert {"push", "pull_request", "schedule"} <= set(triggers)
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", triggers["schedule"][0]["cron"]), "weekly"
    job, windows = workflow["jobs"].values()
    assert job["strategy"]["matrix"]["os"] == ["ubuntu-latest", "macos-latest"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    typed = [step["run"] for step in windows["steps"] if "run" in step]
    readme = (ROOT / "README.md").read_text("utf-8")
    assert all(line in readme for line in typed[:-2]), "the README says the same"
    assert any(line.endswith("mnist_clust report --data sample") for line in typed)
    run = [step["run"] for step in job["steps"] if "run" in step]
    ci = re.findall(r"^make .*$", (ROOT / ".ci" / "run").read_text("utf-8"), re.M)
    assert ci == ["make lint", "make test"]
    assert run[-2:] == ["make check", "make test"]  # which lints first, and soon says what is wrong
    assert any("load_digits('mnist')" in step for step in run[:-2])
    used = [step for step in job["steps"] if "uses" in step]
    for step in (*used, *(step for step in windows["steps"] if "uses" in step)):
        assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]), "a major version of GitHub's own"
    cache = next(step for step in used if step["uses"].startswith("actions/cache"))
    assert cache["with"]["path"] == "~/.keras/datasets"
    assert not re.search(r"pypi|index-url|https?:", text), "no registry is named"


def test_the_site_is_published_of_a_report_on_full_mnist():
    text = (ROOT / ".github" / "workflows" / "pages.yml").read_text("utf-8")
    (job,) = yaml.safe_load(text)["jobs"].values()
    assert "make report DATA=mnist" in [step.get("run") for step in job["steps"]]
    assert {"path": "reports/mnist/site"} in [step.get("with") for step in job["steps"]]
    for step in job["steps"]:
        assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/none@v1"))


@pytest.mark.slow
def test_hooks_fetch_nothing_and_can_run():
    path = ROOT / ".pre-commit-config.yaml"
    checked = [sys.executable, "-m", "pre_commit", "validate-config", str(path)]
    assert subprocess.run(checked, check=False).returncode == 0
    (repository,) = yaml.safe_load(path.read_text("utf-8"))["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        assert hook["language"] == "system", hook["id"]
        python, *arguments = hook["entry"].split()
        assert python == ".venv/bin/python"
        asked = [sys.executable, *arguments[:2], "--help"]
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "path",
    ["src", "tests", "notebooks", "benchmarks", ".github", "Makefile", "CONTRIBUTING.md"],
)
def test_no_file_but_ci_names_the_place_of_the_data(path):
    place = "/".join(["shared", "data"])
    files = [ROOT / path] if (ROOT / path).is_file() else (ROOT / path).rglob("*")
    for file in files:
        if file.is_file() and file.suffix in {".py", ".ipynb", ".toml", ".yml", ".md", ""}:
            assert place not in file.read_text("utf-8", errors="ignore"), file


# --- what nobody may do to a person's text -------------------------------------------------------

FORBIDDEN = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "pickle.load",
             "pickle.loads", "np.load", "numpy.load", "yaml.load"}  # fmt: skip


def test_only_the_cache_unpickles_and_that_what_it_wrote_itself():
    callers = [
        path.name
        for path in (ROOT / "src").rglob("*.py")
        if "joblib.load(" in path.read_text("utf-8")
    ]
    assert callers == ["cache.py"]


def test_nothing_in_src_runs_or_unpickles_what_it_is_given():
    for tree in modules_of("."):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in FORBIDDEN, ast.unparse(node)
                shell = [word.value for word in node.keywords if word.arg == "shell"]
                assert not shell, f"a shell in {ast.unparse(node)}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & {"pickle", "cPickle", "dill", "shelve", "marshal"}, names
