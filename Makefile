# lendwatch: everything from a machine that has Python 3.11 or newer and make.
# The environment is made in .venv by itself and remade when the lock file changes.

.DEFAULT_GOAL := help
.PHONY: help setup demo test stack drill test-faults kafka check quality bench bench-short bench-kafka \
	bench-kafka-short bench-metrics lock clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := .venv-peers
PEERS_READY := $(PEERS)/.ready
PYTHON ?= $(shell for name in python3.11 python3 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$name"; break; }; done)
UV_VERSION := 0.13.9

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## the environment in .venv, from the lock file

$(READY): requirements-dev.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "lendwatch needs Python 3.11 or newer; none was found as python3.11, python3 or python." >&2; \
		echo "Install it, or say which: make PYTHON=/path/to/python3.11" >&2; exit 2; fi
	@echo "setting up $(VENV) with $(PYTHON)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## a small world, its fraud and its failed debits, found and explained
	@$(BIN)/lendwatch demo $(ARGS)

test: $(READY) ## all tests; ARGS="-k logs" for some
	$(BIN)/python -m pytest $(ARGS)

stack: $(READY) ## everything that runs beside the service, on this machine, until Ctrl-C
	$(BIN)/python -m tests.deploy.stack $(ARGS)

drill: $(READY) ## such a stack hurt in five ways; who is told, and when (about twenty minutes)
	$(BIN)/python -m tests.deploy.drills

test-faults: $(READY) ## the service hurt in every way for hours; ARGS="kills --seed 3" for a part
	$(BIN)/python -m tests.faults $(ARGS)

kafka: $(READY) ## the broker that tests start, fetched once (needs Java 17 and Maven)
	$(BIN)/python -m tests.kafka.jars

check: $(READY) ## lint, format, types, rulebook with its own tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lendwatch check

quality: $(READY) ## what scores find on public sets; ARGS="--synccfd FILE --uci FILE ... [--river]"
	$(BIN)/python -m tests.quality $(ARGS)

bench: $(READY) ## speed and memory over 1,000,000 events (about ten minutes)
	$(BIN)/python -m tests.bench.bench $(ARGS)

bench-short: $(READY) ## the same over 60,000 events
	$(BIN)/python -m tests.bench.bench --short $(ARGS)

bench-kafka: $(READY) $(PEERS_READY) ## the service on a real broker, beside two peers (about 40 minutes)
	$(BIN)/python -m tests.bench.kafka_bench --peers $(PEERS)/bin/python $(ARGS)

bench-kafka-short: $(READY) $(PEERS_READY) ## the same over 60,000 events (some minutes)
	$(BIN)/python -m tests.bench.kafka_bench --short --peers $(PEERS)/bin/python $(ARGS)

bench-metrics: $(READY) ## the service with its metrics and without, in turns (about ten minutes)
	$(BIN)/python -m tests.bench.metrics_bench $(ARGS)

$(PEERS_READY): requirements-peers.lock | $(READY)
	@echo "setting up $(PEERS), what the service is measured beside"
	@rm -rf $(PEERS)
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --no-deps --require-hashes -r requirements-peers.lock
	@touch $@

lock: $(READY) ## newest allowed versions into all lock files
	@$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--extra dev --output-file requirements-dev.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--constraint requirements-dev.lock --output-file requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--group pyproject.toml:peers --output-file requirements-peers.lock

clean: ## remove the environment and caches
	rm -rf $(VENV) $(PEERS) build .mypy_cache .pytest_cache .ruff_cache .hypothesis
