# ckptlab. The hand-out is 000-README: read it first. `make help` lists what can be made here.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
STAGES := $(patsubst %/Makefile,%,$(wildcard stage*/Makefile))
REFERENCES := $(patsubst %/Makefile,%,$(wildcard reference/Makefile reference/*/Makefile))

.PHONY: help
help: ## list the targets (what `make` alone does)
	@echo "ckptlab: checkpoint and restart a program, step by step. Begin with 000-README."
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/    make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo
	@echo "In a stage's folder: make, make check, make stress, make handin, make clean."

# Every stage is graded, though one before it may not have all of its points.
.PHONY: check
check: ## grade all stages: points, and for the first failure of each what to read
	@grader/setup grade
	@full=yes; for stage in $(STAGES); do \
	    echo "== $$stage"; $(MAKE) -C $$stage check || full=no; echo; \
	done; test $$full = yes

.PHONY: handin
handin: ## make the archive that you hand in, and prove that it works
	@grader/setup grade
	@grader/python grader/stage/handin.py

.PHONY: doctor
doctor: ## what this machine is, and what of the lab works on it
	@grader/doctor/doctor

.PHONY: setup
setup: ## install what is missing (the list with reasons: grader/dependencies)
	@grader/setup grade && echo "setup: nothing is missing"

.PHONY: clean
clean: ## remove everything that was built
	@for folder in $(STAGES) $(wildcard BACKGROUND) $(REFERENCES); do $(MAKE) -s -C $$folder clean || exit; done
	@rm -rf grader/build ckptlab-handin*.tar.gz
	@find . -name __pycache__ -print | xargs -r rm -rf
