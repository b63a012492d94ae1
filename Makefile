# `make help` lists what there is. Variables: DATA (what to cluster), NOTEBOOKS (which to run).
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help report explore test notebooks bench readme lint lock clean
SHELL := /bin/sh

DATA ?= auto
NOTEBOOKS ?=
PYTHON ?= python3
# Text for the program, not for make, which would run what stands in $(shell …).
override DATA := $(value DATA)
override NOTEBOOKS := $(value NOTEBOOKS)
override PYTHON := $(value PYTHON)
export DATA NOTEBOOKS PYTHON
RUN := .venv/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --quiet

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  DATA=mnist|sample|PATH and NOTEBOOKS='01 02' choose what 'make report' runs; DATA also 'make explore'."

report: .venv/installed ## run the notebooks and build a site from them in reports/
	@set -f; $(RUN) -m mnist_clust report --data "$$DATA" -- $$NOTEBOOKS

explore: .venv/installed ## explore the maps in a browser, every digit behind its point
	@$(RUN) -m mnist_clust explore --data "$$DATA"

test: .venv/installed ## run all tests
	@$(RUN) -m pytest

notebooks: .venv/installed ## re-run the committed notebooks on full MNIST, with figures/ and results/
	@$(RUN) -m mnist_clust notebooks

bench: .venv/installed ## time the t-SNE engine beside others on full MNIST (half an hour)
	@$(RUN) benchmarks/bench_tsne.py --out results/benchmark.json --figure results/tsne_speed.png
	@$(RUN) -m mnist_clust readme

readme: .venv/installed ## write README's tables anew from results/
	@$(RUN) -m mnist_clust readme

lint: .venv/installed ## check style and types
	@$(RUN) -m ruff check . && $(RUN) -m ruff format --check . && $(RUN) -m mypy

lock: ## renew requirements.lock (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
	    --python-version 3.11 --all-extras --custom-compile-command "make lock" \
	    pyproject.toml --output-file requirements.lock

clean: ## remove reports and cached results, keep the environment
	@rm -rf reports .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/installed: requirements.lock pyproject.toml
	@"$$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	    echo "mnist-clust needs Python 3.11 to 3.13: name one, as in PYTHON=python3.13 make report" >&2; exit 2; }
	@echo "Setting up .venv, once (a few minutes) …"
	@"$$PYTHON" -m venv --clear .venv
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
