# `make help` lists what there is. Variables: DATA (what to cluster), NOTEBOOKS (which to run).
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help report lab explore test check coverage mutants faults reproduce numerics memory \
    notebooks bench readme \
    lint lock clean
SHELL := /bin/sh

DATA ?= auto
NOTEBOOKS ?=
PYTHON ?= python3
# Text for the program, not for make, which would run what stands in $(shell …).
override DATA := $(value DATA)
override NOTEBOOKS := $(value NOTEBOOKS)
override PYTHON := $(value PYTHON)
override MILLION := $(value MILLION)
export DATA NOTEBOOKS PYTHON
# Where it is set, as in many containers, each process compiles all libraries anew: six seconds.
unexport PYTHONDONTWRITEBYTECODE
PY := .venv/bin/python
RUN := $(PY) -m mnist_clust.numerics
PIP := $(PY) -m pip --disable-pip-version-check --quiet
LOCK := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
    --python-version 3.11 --custom-compile-command "make lock" pyproject.toml

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  DATA=mnist|sample|usps|PATH and NOTEBOOKS='01 02' choose what 'make report' runs;"
	@echo "  DATA also what 'make explore', 'make reproduce' and 'make memory' do."

report: .venv/installed ## run the notebooks and build a site from them in reports/
	@set -f; $(PY) -m mnist_clust report --data "$$DATA" -- $$NOTEBOOKS

lab: .venv/installed ## open the notebooks in JupyterLab, to read and to change
	@$(RUN) -m jupyterlab --notebook-dir notebooks

explore: .venv/installed ## explore the maps in a browser, every digit behind its point
	@$(PY) -m mnist_clust explore --data "$$DATA"

test: .venv/tools ## run all tests, two at a time; say which were slowest
	@$(RUN) -m pytest -n 2 --durations 20

check: lint ## what a change should pass before a commit (a minute or two): no notebook, no browser
	@$(RUN) -m pytest -n 2 -m "not (browser or notebook or slow)"

coverage: .venv/tools ## run the tests and list the branches that none of them takes
	@$(PY) -m coverage erase
	@$(RUN) -m coverage run -m pytest --ignore tests/browser --ignore tests/notebooks/test_stored_outputs.py
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report

mutants: .venv/tools ## change the code in a thousand ways and list what no test notices
	@$(RUN) -m mutmut run && $(PY) -m mutmut results

faults: .venv/tools ## kill, stop, starve and disturb runs, and see what comes of it (15 minutes)
	@$(RUN) -m pytest tests/faults -o python_files="test_*.py fault_*.py"

reproduce: .venv/tools ## run all from nothing on one thread and on two; compare every bit
	@$(RUN) benchmarks/reproduce.py --data "$$DATA"

numerics: .venv/tools ## measure the claims' bands over seeds and processors' codes (some hours)
	@rm -f .cache/bands.jsonl
	@for data in mnist sample; do \
	    $(PY) benchmarks/measure_bands.py run --data $$data --log .cache/bands.jsonl && \
	    $(RUN) benchmarks/resample_luck.py --data $$data --log .cache/bands.jsonl || exit 1; done
	@$(PY) benchmarks/measure_bands.py write --log .cache/bands.jsonl

memory: .venv/tools ## measure the most memory each command holds, for results/memory.json
	@$(RUN) benchmarks/measure_memory.py --data "$$DATA" --out results/memory.json

notebooks: .venv/installed ## re-run the committed notebooks on full MNIST, with figures/ and results/
	@$(PY) -m mnist_clust notebooks

bench: .venv/tools ## time the t-SNE engine beside others, cluster all 70,000 digits (an hour); MILLION=1: on a million, too
	@$(RUN) benchmarks/score_others.py --out results/other_engines.json
	@$(RUN) benchmarks/all_digits.py --out results/all_digits.json
	@$(RUN) benchmarks/bench_tsne.py --out results/benchmark.json --figure results/tsne_speed.png
	@$(if $(MILLION),$(RUN) benchmarks/bench_million.py --out results/million.json)
	@$(PY) -m mnist_clust readme

readme: .venv/installed ## write README's tables anew from results/
	@$(PY) -m mnist_clust readme

lint: .venv/tools ## check style and types
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy

lock: ## renew both lock files (needs uv)
	@$(LOCK) --extra data --extra report --extra explore --extra scale --extra checkout \
	    --output-file requirements.lock
	@$(LOCK) --all-extras --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove reports and cached results, keep the environment
	@rm -rf reports .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis mutants .coverage*

.venv/installed: requirements.lock pyproject.toml
	@"$$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	    echo "mnist-clust needs Python 3.11 to 3.13: name one, as in PYTHON=python3.13 make report" >&2; exit 2; }
	@echo "Setting up .venv, once (a minute or two) …"
	@"$$PYTHON" -m venv --clear .venv
	@$(PIP) install --no-compile --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/tools: .venv/installed requirements-dev.lock
	@echo "Adding to .venv what tests and benchmarks need …"
	@$(PIP) install --no-compile --require-hashes -r requirements-dev.lock
	@touch $@
