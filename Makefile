# The lab book. `make help` lists what there is to do.
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11 python3.14 python,$(shell $(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))
SETUP = $(if $(PYTHON),$(PYTHON),$(error Python 3.11 or later is needed, and none was found: install one, or say PYTHON=/path/to/python3)) tools/setup_env.py
BIN = .venv/bin

.DEFAULT_GOAL := help
.PHONY: help lab test book bench format clean

help:  ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

lab:  ## Install what is missing and open the labs in JupyterLab
	@$(SETUP) lab
	@$(BIN)/labkit lab

test:  ## Run every check: lint, types, floors, tests, notebooks, book, grading, browser (ONLY="unit book" for some)
	@$(SETUP) lab dev classroom
	@$(BIN)/python tools/run_checks.py $(ONLY)

book:  ## Build the HTML book and serve it on 127.0.0.1
	@$(SETUP) lab
	@$(BIN)/labkit book serve

bench:  ## Run the benchmarks (PEERS=folder with checkouts of peers for the ratios)
	@$(SETUP) lab dev
	@$(BIN)/python -m bench $(if $(PEERS),--peers $(PEERS))

format:  ## Format the code and clean the notebooks
	@$(SETUP) lab dev
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix . && $(BIN)/labkit notebooks clean

clean:  ## Remove what was built (the environments stay; delete .venv* by hand)
	rm -rf _build _classroom .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
