# ckptlab: `make demo` to see it, `make check` to test it. `make help` lists what there is.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

# The stages, their solutions, and the demos, as far as they are here: each cleans up after itself.
FOLDERS := $(patsubst %/Makefile,%,$(wildcard stage*/Makefile solution/stage*/Makefile \
	BACKGROUND/Makefile grader/tests/programs/Makefile grader/kit/classic/*/Makefile))
PYTEST := grader/python -m pytest -c grader/kit/pytest.ini -n 4 --dist loadgroup -q $(if $(SEED),--seed $(SEED))

.PHONY: help
help: ## list the targets (what `make` alone does)
	@echo "ckptlab: checkpoint and restart a program, step by step. The hand-out is 000-README."
	@echo
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/    make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22
	@echo
	@echo "In a stage's folder: make, make check, make stress, make handin, make clean."

.PHONY: demo
demo: ## a program is saved, killed and brought back, before your eyes (10 seconds)
	@grader/setup demo
	@grader/demo/demo

.PHONY: check
check: ## test the whole kit: solution, skeletons, grader, demos, documents
	@grader/setup check
	@$(PYTEST) grader/kit/tests

.PHONY: stress
stress: ## the same, and all that takes long: hundreds of restarts, gigabytes, every mutant, other systems
	@grader/setup stress
	@status=0; $(PYTEST) --stress grader/kit/tests || status=$$?; \
	grader/python grader/kit/systems.py || status=$$?; \
	grader/python grader/kit/arm64/stages.py || status=$$?; exit $$status

.PHONY: check-arm64
check-arm64: ## grade the solution on an arm64 machine that qemu computes; made once, from Debian's packages (250 MB); KERNEL=SUITE/PACKAGE STAGES='3 6'
	@grader/setup grade
	@grader/setup qemu-system-arm || :
	@grader/setup gcc-aarch64-linux-gnu || :
	@CKPTLAB_ARM64_KERNEL='$(KERNEL)' grader/python grader/kit/arm64/stages.py $(STAGES)

.PHONY: grade
grade: ## grade a class: make grade SUBMISSIONS=DIR (or one folder: make grade DIR=stage1-readmaps)
	@test -n "$(SUBMISSIONS)$(DIR)" || { \
	    echo "make grade SUBMISSIONS=DIR   grades a class: DIR has archives or folders, one per student"; \
	    echo "    OUT=DIR JOBS=N ENGINE=slurm PROFILE=classic ONLY=TEST PEOPLE=FILE UNSAFE=1 OPTIONS='...'   (grader/grade --help)"; \
	    echo "make grade DIR=path/to/stage1-readmaps   grades one folder, as make check does in it"; \
	    exit 64; }
	@grader/setup $(if $(SUBMISSIONS),$(if $(filter slurm,$(ENGINE)),slurm,batch),grade)
ifneq ($(SUBMISSIONS),)
	@grader/grade "$(SUBMISSIONS)" $(if $(OUT),-o "$(OUT)") $(if $(JOBS),-j $(JOBS)) $(if $(ENGINE),--engine $(ENGINE)) \
	    $(if $(PROFILE),--profile "$(PROFILE)") $(addprefix --only ,$(ONLY)) $(if $(PEOPLE),--people "$(PEOPLE)") $(if $(UNSAFE),--unsafe) $(OPTIONS)
else
	@dir=$$(cd "$(DIR)" && pwd) && stage=$$(expr "$$(basename "$$dir")" : 'stage\([0-9]*\)') || { \
	    echo "make grade: '$(DIR)' is no folder called stageN-something"; exit 64; }; \
	grader/check --stage "$$stage" "$$dir"
endif

.PHONY: similar
similar: ## which submissions have text in common: make similar SUBMISSIONS=DIR
	@test -n "$(SUBMISSIONS)" || { echo "make similar SUBMISSIONS=DIR (grader/similar --help)"; exit 64; }
	@grader/setup batch
	@grader/similar "$(SUBMISSIONS)" $(if $(OUT),-o "$(OUT)") $(OPTIONS)

.PHONY: handout
handout: ## make the archive that students get: no solution, no hidden tests; STAGES=1-3, later ADD=4
	@grader/setup grade
	@grader/setup gcc-aarch64-linux-gnu || :
	@grader/setup gcc-x86-64-linux-gnu || :
	@grader/python grader/handout/pack.py $(if $(STAGES),--stages "$(STAGES)") $(if $(ADD),--add "$(ADD)")

.PHONY: gradescope
gradescope: ## make the zip that Gradescope grades with: ckptlab-gradescope.zip
	@grader/setup grade
	@grader/python grader/platforms/bundle.py gradescope

.PHONY: classroom
classroom: ## make what Classroom 50 grades with: ckptlab-classroom50.tar.gz
	@grader/setup grade
	@grader/python grader/platforms/bundle.py classroom50

.PHONY: autolab
autolab: ## make what Autolab grades with: ckptlab-autolab.tar.gz
	@grader/setup grade
	@grader/python grader/platforms/bundle.py autolab

.PHONY: prairielearn
prairielearn: ## make a PrairieLearn question: make prairielearn IMAGE=docker-image-of-yours
	@grader/setup grade
	@grader/python grader/platforms/bundle.py prairielearn --image "$(IMAGE)"

.PHONY: handin
handin: ## make the archive that a student hands in, and prove that it works
	@grader/setup grade
	@grader/python grader/stage/handin.py

.PHONY: bench
bench: ## measure the solution: ratios to a plain write(), read() and system call
	@grader/setup grade
	@grader/bench

.PHONY: skeletons
skeletons: ## write the skeletons in stageN-*/ anew from solution/
	@grader/setup grade
	@grader/python grader/handout/skeleton.py --write

.PHONY: doctor
doctor: ## what this machine is, and what of the lab works on it
	@grader/doctor/doctor

.PHONY: setup
setup: ## install what is missing (the list with reasons: grader/dependencies)
	@grader/setup check && echo "setup: nothing is missing"

.PHONY: clean
clean: ## remove everything that was built
	@for folder in $(FOLDERS); do $(MAKE) -s -C $$folder clean || exit; done
	@rm -rf .pytest_cache grader/build ckptlab-handout*.tar.xz ckptlab-gradescope.zip \
	    ckptlab-classroom50.tar.gz ckptlab-autolab.tar.gz ckptlab-prairielearn.tar.gz \
	    ckptlab-handin*.tar.gz solution/ckptlab-handin*.tar.gz
	@find . -name .git -prune -o \( -name __pycache__ -o -name .pytest_cache \) -print | \
	    xargs -r rm -rf
