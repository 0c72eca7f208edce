# SPDX-License-Identifier: MIT
# Before anything is made: what the goals need is there, or ci/setup installs it. Once per make,
# not again in those that it starts, and not for goals that need nothing or for `make -n`.

GOALS := $(or $(MAKECMDGOALS),kernel)
SETUP_GOALS := $(if $(filter-out clean help doctor,$(GOALS)),build)
SETUP_GOALS += $(if $(filter run iso debug gdb core,$(GOALS)),run) $(if $(filter uefi,$(FIRMWARE)),uefi)
SETUP_GOALS += $(if $(filter debug gdb core,$(GOALS)),debug) $(if $(filter bench idle,$(GOALS)),bench)
SETUP_GOALS += $(if $(filter test,$(GOALS)),test) $(if $(filter clang,$(CC)),clang)
SETUP_GOALS += $(if $(filter host-asan host-tsan,$(GOALS)),host) $(if $(filter host-fuzz,$(GOALS)),fuzz)
SETUP_GOALS += $(if $(filter sim sim-programs,$(GOALS)),sim)

ifneq ($(strip $(SETUP_GOALS)),)
ifeq ($(MULTIOS_SETUP)$(findstring n,$(filter-out --%,$(firstword -$(MAKEFLAGS)))),)
export MULTIOS_SETUP := done
$(shell ci/setup $(SETUP_GOALS) >&2)
ifneq ($(.SHELLSTATUS),0)
$(error set-up failed, see above; `make doctor` lists what is there)
endif
endif
endif

.PHONY: doctor
doctor: ## list every tool with its version, what is wrong and how to mend it
	@ci/doctor
