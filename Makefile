# Each target is one line of what it does; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
GPU_WORKERS ?= 4
STAMP := $(VENV)/installed

.DEFAULT_GOAL := help
.PHONY: help setup train sweep dashboard bench bench-gpu docs test test-slow test-long test-gpu study-1 study-2 study-3 check lint format type clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## create .venv and install vael with its development tools

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vael needs Python 3.11 or newer, got " + sys.version.split()[0] + ": make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

train: setup ## train conv_vae on the embedded digits; leaves a report to look at
	$(BIN)/vael train

sweep: setup ## search latent dimension, beta and likelihood on the digits; again goes on with it
	$(BIN)/vael sweep latent_beta_likelihood

dashboard: setup ## look at the study of make sweep in the browser, without an account
	$(BIN)/vael dashboard latent_beta_likelihood

bench: setup ## training speed against plain PyTorch, Lightning, pythae and JAX; DATA=folder of MNIST's parquet
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/bench.py $(if $(DATA),--data $(DATA))

docs: setup ## build the site of README and docs/ into build/site, strictly
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python docs/site.py
	$(BIN)/zensical build --strict

bench-gpu: setup ## the same on a GPU, 5 minutes; captured steps, CUDA graphs, JAX's scan; DATA=folder
	$(BIN)/python benchmarks/bench_gpu.py $(if $(DATA),--data $(DATA))

study-1: setup ## which VAE beats bzip2? 3 core hours, resumable; DATA=folder of MNIST's parquet
	$(BIN)/python benchmarks/studies/other_codecs.py $(if $(DATA),data.path=$(DATA))
	$(BIN)/python benchmarks/studies/study_1.py outputs/studies $(if $(DATA),data.path=$(DATA))
	$(BIN)/python benchmarks/studies/pages.py

study-2: setup ## a beta-VAE draws Shannon's curve, 40 core minutes, resumable; with DATA also on MNIST
	$(BIN)/python benchmarks/studies/study_2.py outputs/studies $(if $(DATA),data.path=$(DATA))
	$(BIN)/python benchmarks/studies/pages.py

study-3: setup ## how many latents? six rules, a core hour, resumable
	$(BIN)/python benchmarks/studies/study_3.py outputs/studies
	$(BIN)/python benchmarks/studies/pages.py

test: setup ## the tests, minutes on 2 cores; WORKERS=8 where there are more
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --timeout 300

test-slow: setup ## the tests that take minutes each
	$(BIN)/python -m pytest -m slow -n $(WORKERS) --dist loadgroup --timeout 900

test-long: setup ## many seeds and long soaks, by hand
	$(BIN)/python -m pytest -m long --timeout 0

test-gpu: setup ## the tests that need a GPU, 4 minutes on one; all others are run without it
	$(BIN)/python -m pytest -m gpu -n $(GPU_WORKERS) --dist worksteal --timeout 200 -p no:benchmark

check: lint type test ## all that a change must pass: lint, type, test

lint: setup ## ruff: style, errors and format; import-linter: the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

format: setup ## let ruff format the code and repair what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

type: setup ## mypy, strict
	$(BIN)/mypy

clean: ## remove caches and build leftovers; runs and .venv stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache build dist src/*.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
