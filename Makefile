# `make run` and `make test` do all their own set-up: Python >= 3.11 with venv, and make, are all that is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup run annotate-sample test lint bench bench-window screenshots train-default clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt --editable ".[dev]"
	touch $(STAMP)

run: setup
	$(BIN)/dcpose-annotator

annotate-sample: setup
	$(BIN)/dcpose annotate resources/clips/sample.mp4 -o out/sample.json --overlay out/sample.mp4

# Several tests at once, those of a file one after the other.
test: setup
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	$(BIN)/dcpose bench all

bench-window: setup
	mkdir -p out
	$(BIN)/python -m app.benchmarks --json out/window.json

screenshots: setup
	$(BIN)/python packaging/make_screenshots.py docs/images

# The embedded temporal modules, from their clips and captured motion to resources/models. CLIPS: a folder with the clips
# that resources/models/dcpose_thunder.md names; MOTIONS: the CMU BVH archive and the pybullet motions.
CLIPS ?= clips
MOTIONS ?= motions/cmu_bvh.tar.xz motions/pybullet
TRIPLES ?= runs/triples
comma := ,
empty :=
space := $(empty) $(empty)
train-default: setup
	@test -n "$(wildcard $(CLIPS)/*)" || { echo "no clips in $(CLIPS): make train-default CLIPS=FOLDER MOTIONS='FILE FOLDER'; \
	what belongs in them is in resources/models/dcpose_thunder.md"; exit 2; }
	$(BIN)/python packaging/models/make_real_triples.py $(wildcard $(CLIPS)/*) -o $(TRIPLES) \
	    $(foreach clip,$(wildcard $(CLIPS)/*multi*cam04* $(CLIPS)/intel_asl_walk*),--hold-out $(clip))
	$(BIN)/dcpose train embedded_head --output runs/embedded_head --set model.replace=true --set data.0.cache=$(TRIPLES) \
	    --set validation.cache=$(TRIPLES) --set 'data.1.motions=["$(subst $(space),"$(comma)",$(MOTIONS))"]'
	$(BIN)/python packaging/models/embed_temporal_head.py runs/embedded_head --triples $(TRIPLES) \
	    --motions $(firstword $(MOTIONS)) --clips $(wildcard $(CLIPS)/*) -o resources/models

clean:
	rm -rf $(VENV) out build dist *.egg-info
