# Everything runs in one virtual environment, .venv, at the root; the first target that needs it
# makes it. On a machine without a GPU, set PIP_EXTRA_INDEX_URL to PyTorch's CPU index beforehand
# to avoid downloading CUDA libraries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
KERNELS := $(VENV)/.kernels
ROS_ENV := ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
THREADS := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
WORKERS ?= 2
OFFLINE := safety motion convert reads irl learning
REAL_TIME := recorder faults latency
BENCHMARKS := $(OFFLINE) $(REAL_TIME)
# In full it takes too long for `make bench`.
SMOKED := $(OFFLINE) demonstrations cameras

.PHONY: help setup demo test lint docs unit smoke bench lock clean

help:            ## list the targets
	@grep -hE '^[a-z]+: .*##|^[a-z]+:  +##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

setup: $(STAMP) $(KERNELS)  ## install everything into .venv

$(STAMP): setup.py pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo 'error: $(PYTHON) is missing: apt install python3 python3-venv' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo 'error: Python 3.10 or later is needed' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo 'error: no venv module: apt install python3-venv' >&2; exit 1; }
	@echo 'installing into $(VENV) (one to two minutes) ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'setuptools>=64' wheel
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-build-isolation --use-pep517 -c constraints.txt -e '.[all]'
	@touch $(STAMP)

$(KERNELS): $(STAMP) $(wildcard imitation_ros/safety/compiled/*.py)
	@$(THREADS) $(BIN)/python -m imitation_ros.safety.compiled && touch $(KERNELS)

demo: $(KERNELS)   ## record, train and deploy on a simulated humanoid; writes runs/demo/report.html
	@$(THREADS) $(ROS_ENV) $(BIN)/imitation_ros demo

test:            ## everything that CI runs
	@$(MAKE) --no-print-directory $(STAMP)
	@$(MAKE) --no-print-directory -j2 --output-sync=target lint docs $(KERNELS)
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory smoke

lint: $(STAMP)   ## style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP)   ## the documentation as a site, docs/_build/html/index.html; a warning is an error
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'docs: skipped, they need Python 3.11'; exit 0; }; \
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --builder html docs docs/_build/html

unit: $(KERNELS)   ## the tests
	$(THREADS) $(ROS_ENV) $(BIN)/pytest -n $(WORKERS) --dist loadfile --durations=15

smoke: $(KERNELS)  ## every benchmark's whole path and a short demo, in seconds, judging no time
	@$(MAKE) --no-print-directory -j2 --output-sync=target $(SMOKED:%=smoke-%)
	@$(MAKE) --no-print-directory -j1 $(REAL_TIME:%=smoke-%)
	@d=$$(mktemp -d) && $(THREADS) $(ROS_ENV) $(BIN)/imitation_ros demo --task reach --episodes 4 --trials 2 \
		--required 0 --updates 300 --out $$d/demo; code=$$?; rm -rf $$d; exit $$code

smoke-%: $(KERNELS)
	@echo "== $* --smoke"; $(THREADS) $(ROS_ENV) $(BIN)/python benchmarks/$*.py --smoke

bench: $(KERNELS)  ## every benchmark in full, with its gates
	@failed=; for b in $(BENCHMARKS); do echo "== $$b"; $(THREADS) $(ROS_ENV) $(BIN)/python benchmarks/$$b.py || failed="$$failed $$b"; done; \
	test -z "$$failed" || { echo "gates not held:$$failed" >&2; exit 1; }

lock: $(STAMP)   ## write the versions now installed into constraints.txt
	@$(BIN)/python tools/lock.py > constraints.tmp && mv constraints.tmp constraints.txt

clean:           ## remove what was built (not your recordings)
	rm -rf build install log *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache docs/_build docs/generated
