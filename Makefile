# Two commands matter: `make demo` and `make test`. Both set up what they need first.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCH_INSTALLED := $(VENV)/.installed-bench

.PHONY: demo dev test lint bench lock clean

$(INSTALLED): requirements.lock setup.cfg
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(BENCH_INSTALLED): $(INSTALLED) requirements-bench.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	touch $@

demo: $(INSTALLED)
	$(BIN)/centra-assets demo

dev: $(INSTALLED)
	$(BIN)/centra-assets dev

test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(BENCH_INSTALLED)
	$(BIN)/python -m benchmarks

# Needs uv (pip install uv); the result is what every other target installs.
lock:
	uv pip compile setup.cfg --extra test --extra lint --extra s3 --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header --no-annotate -o requirements.lock requirements-build.in
	uv pip compile setup.cfg --extra benchmarks --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header --no-annotate -c requirements.lock -o requirements-bench.lock

clean:
	rm -rf $(VENV) .centra build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
