# One command a habit, for people and for CI alike.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash
export PATH := $(CURDIR)/$(BIN):$(PATH)

# A narrower run: make test PYTEST="tests/rules -k cascade". Whole files go to a worker, as what they start is theirs.
PYTEST ?= -n 2 --dist loadfile
# A whole run measures what of the rules, of what writes and of the images is run by the tests, branches too.
ifeq ($(origin PYTEST), file)
COVERAGE := --cov --cov-report=
endif

LOCK = uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command 'make lock' --quiet $(UPGRADE)

WORKFLOWS := $(wildcard .github/workflows/*.yml)

.PHONY: model faults help setup packages lint format types test fuzz advisories demo bench pictures docs lock clean

help: ## Show this list.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.dev ## Make .venv, with everything that development needs.

packages: ## Install the Debian packages that the tests run against, where they are missing.
	@tools/debian-packages

$(VENV)/.runtime: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

lint: setup ## Check the form of everything: code, workflows, Dockerfile, scripts, spelling.
	ruff format --check .
	ruff check .
	check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml with-logins/action.yml
	check-jsonschema --quiet --builtin-schema vendor.github-workflows $(WORKFLOWS)
	check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	actionlint
	zizmor --offline --quiet --persona=pedantic .
	hadolint Dockerfile
	shellcheck .ci/run tools/debian-packages benchmarks/rivals
	typos

format: setup ## Put the code into its form.
	ruff format .
	ruff check --fix .

types: setup ## Check the types of code and tests.
	mypy

test: packages lint types ## Run everything; nothing is skipped.
	pytest $(PYTEST) $(COVERAGE)
	$(if $(COVERAGE),coverage report --skip-covered --fail-under=95)
	$(if $(COVERAGE),coverage report --skip-covered --fail-under=100 --include='tagger/rules/*')

model: setup ## Explore every pair and triple of runs from small states, killed runs and listings that lag: half an hour.
	$(BIN)/python -m tests.races --states
	$(BIN)/python -m tests.races

faults: setup ## End every command at every request, by signals and by cut connections: half an hour.
	$(BIN)/python -m tests.faults.signals

fuzz: setup ## Try each parser for ten minutes under a fuzzer, and ten thousand releases into a hostile registry: half a day.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=3,<4' # no release has wheels for every Python
	$(BIN)/python -m tests.fuzz
	HYPOTHESIS_PROFILE=long pytest -n 2 tests/fuzz/test_shapes.py tests/images/test_layout.py tests/images/test_archives.py \
	  tests/images/test_sources.py tests/images/registry/test_auth.py tests/images/registry/test_listing.py tests/version_from/test_files.py
	$(BIN)/python -m tests.faults.hostile 10000

advisories: setup ## Ask for advisories about what Tagger runs on; needs a network.
	uv tool run pip-audit==2.10.1 --disable-pip --require-hashes --requirement requirements.txt
	uv tool run pip-audit==2.10.1 --disable-pip --require-hashes --requirement requirements-verify.txt

demo: $(VENV)/.runtime ## See in ten seconds what Tagger is for; needs no engine, registry or root.
	@$(BIN)/python tools/demo.py

bench: setup packages ## Measure Tagger beside what people use today; needs root. BENCH="retag --runs 9" for a part of it.
	benchmarks/rivals
	$(BIN)/python -m benchmarks $(BENCH)

MERMAID := 11.17.2
build/mermaid.min.js:
	@tools/debian-packages /usr/bin/npm=npm
	@mkdir -p build
	cd build && tar -xzOf "$$(npm pack --silent mermaid@$(MERMAID))" package/dist/mermaid.min.js >mermaid.min.js.part && \
	  mv mermaid.min.js.part mermaid.min.js && rm mermaid-$(MERMAID).tgz

pictures: setup packages build/mermaid.min.js ## Draw the pictures of docs/pictures anew: commands in a terminal, the summary, the page.
	@tools/debian-packages /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf=fonts-noto-color-emoji
	$(BIN)/python tools/pictures.py

docs: setup ## Write action.yml and the tables of docs/ anew from the code.
	$(BIN)/python tools/texts.py
	$(BIN)/python tools/schema.py
	$(BIN)/python tools/spellings.py

lock: setup ## Write the locked requirements anew from pyproject.toml; UPGRADE=--upgrade for the newest.
	$(LOCK) --output-file requirements.txt
	$(LOCK) --extra verify --constraint requirements.txt --output-file requirements-verify.txt
	$(LOCK) --extra verify --group dev --constraint requirements.txt --constraint requirements-verify.txt \
	  --output-file requirements-dev.txt

clean: ## Remove what was made here.
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
