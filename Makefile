# Everything a person or CI runs. `make` alone explains itself.
.DEFAULT_GOAL := help
.PHONY: help setup run test test-all coverage check format notebook bench bench-serving benchmark-quality lock images doctor clean

PRESET ?= demo
ARGS ?=
BUILD_ARGS ?=
WORKERS ?= 2
BIN := .venv/bin

help: ## show this help
	@echo 'Usage: make TARGET [PRESET=demo] [ARGS="..."]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo 'The first target that needs it makes .venv from the lock that fits this machine and says which.'

setup: ## make or update .venv
	@tools/bootstrap.sh

run: setup ## train, evaluate and push the recommender of PRESET into runs/PRESET
	@$(BIN)/recommender run --preset $(PRESET) $(ARGS)

test: setup ## the fast tests, a small end-to-end run included
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder $(ARGS)

test-all: setup ## every test, also those that take minutes or need the MovieLens archive
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder -m "" $(ARGS)

coverage: setup ## the fast tests, and which lines of each file they do not run
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder --cov-report term-missing:skip-covered \
	  $(addprefix --cov=,tfx_recommenders pipelines components serving) $(ARGS)

check: setup ## format, lint and types, as CI checks them
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: setup ## format the sources and mend what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

notebook: setup ## execute docs/tutorial.ipynb anew and keep its output (MOVIELENS_DIR=FOLDER of ml-latest-small.zip)
	@$(BIN)/python tools/execute_notebook.py $(ARGS)

bench: setup ## run the benchmarks; each writes its table into docs/results.md
	@$(BIN)/python -m benchmarks $(ARGS)

benchmark-quality: setup ## lists and ratings on MovieLens, beside other systems (ARGS="--manual-dir FOLDER")
	@$(BIN)/python -m benchmarks quality $(ARGS)

bench-serving: setup ## load the model server beside servers that do nothing (needs wrk and h2load)
	@$(BIN)/python -m benchmarks serving $(ARGS)

# One machine resolves for all of them: the platform says what is installed where. Later locks keep to the first one's versions.
COMPILE = tools/bootstrap.sh uv pip compile setup.py --no-header $(ARGS)
CURRENT = $(COMPILE) --python-version 3.12 --python-platform x86_64-manylinux_2_39 --override overrides.txt

lock: ## resolve the versions anew (ARGS=--upgrade for newer ones)
	$(CURRENT) --extra all -o requirements.lock
	$(CURRENT) --extra pipeline --extra kubeflow --extra client --constraints requirements.lock -o requirements-pipeline.lock
	$(CURRENT) --extra serving --extra events --constraints requirements.lock -o requirements-serving.lock
	$(COMPILE) --extra all --python-version 3.10 --python-platform x86_64-manylinux_2_28 -o requirements-legacy.lock

images: ## build the two container images (BUILD_ARGS="--network host" where the build needs it)
	docker build $(BUILD_ARGS) --target serving --tag localhost/tfx-recommenders-serving:dev .
	docker build $(BUILD_ARGS) --target pipeline --tag localhost/tfx-recommenders:dev .

doctor: setup ## check this machine and the installation
	@$(BIN)/recommender doctor $(ARGS)

clean: ## delete .venv, .uv and caches; runs/ stays
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
