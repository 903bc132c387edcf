# ROS's own programs are written for the system's python3: that comes first, the project's is named in full.
SHELL := /bin/bash
NOETIC := $(wildcard /opt/ros/noetic/setup.bash)
export PATH := /usr/bin:/bin:$(PATH)
PYTHON := $(if $(NOETIC),source $(NOETIC) && )$(CURDIR)/.venv/bin/python

.PHONY: setup demo test lint types check ros-test catkin-test faults soak fuzz audit weights study bench-bag docs pictures clean

setup:        ; @scripts/setup.sh
demo: setup   ; @scripts/demo.sh
test: setup   ; @$(PYTHON) -m pytest
lint: setup   ; @$(PYTHON) -m ruff check && $(PYTHON) -m ruff format --check && .venv/bin/lint-imports
types: setup  ; @$(PYTHON) -m mypy
check: lint types test
ros-test: setup    ; @PSPGRASP_REQUIRE_ROS=1 $(PYTHON) -m pytest -m ros
catkin-test: setup ; @PSPGRASP_REQUIRE_ROS=1 $(PYTHON) -m pytest tests/ros/test_catkin_build.py
faults: setup      ; @PSPGRASP_REQUIRE_ROS=1 PSPGRASP_WRITE_FAULTS=1 $(PYTHON) -m pytest tests/ros/faults
soak: setup        ; @PSPGRASP_REQUIRE_ROS=1 PSPGRASP_SOAK=$(or $(MINUTES),10) $(PYTHON) -m pytest tests/ros/test_soak.py
fuzz: setup        ; @PSPGRASP_FUZZ=$(or $(CASES),2000) $(PYTHON) -m pytest tests/fuzz
audit: setup       ; @scripts/audit.sh
weights: setup     ; @.venv/bin/pspgrasp release $(WEIGHTS)
study: setup       ; @.venv/bin/pspgrasp study config/study/full.yaml --page docs/study.md $(STUDY)
bench-bag: setup   ; @.venv/bin/pspgrasp bag bench $(BENCH)
docs: setup
	@$(PYTHON) -m pytest --doctest-glob='*.md' README.md docs || [ $$? = 5 ]
	@NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict
pictures: setup    ; @scripts/pictures.sh
clean: ; @rm -rf build devel dist *.egg-info .*_cache .hypothesis `find pspgrasp tests -name __pycache__`
