# SPDX-License-Identifier: MIT
# MultiOS. `make help` lists what can be made and the variables with their defaults.

SHELL := /bin/bash
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := kernel

## CC: gcc or clang
CC := gcc
## BUILD: debug (checks everything) or release
BUILD ?= debug
## V: 1 = show commands
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

# $(call one_of,VARIABLE,words): complains before anything is built.
one_of = $(if $(filter-out $(2),$($(1))),$(error $(1)=$($(1)): expected one of: $(2)))
$(call one_of,CC,gcc clang)
$(call one_of,BUILD,debug release)

OUT := build/$(CC)-$(BUILD)
HOST := build/host
include ci/make/setup.mk
include ci/make/kernel.mk
include ci/make/editor.mk
include ci/make/iso.mk
include ci/make/host.mk
include ci/make/sim.mk
include ci/make/coverage.mk
include ci/make/explore.mk
include ci/make/mutants.mk
include ci/make/run.mk
include ci/make/test.mk
include ci/make/bench.mk

.PHONY: clean
clean: ## remove build/
	rm -rf build

.PHONY: help
help: ## this text
	@ci/python ci/lib/help_command.py $(MAKEFILE_LIST)
