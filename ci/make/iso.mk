# SPDX-License-Identifier: MIT
# The bootable image. `make run` and tests hand their parameters to QEMU instead (fw_cfg), so that
# one image serves all; CMDLINE and SCHED go into the image's menu when the goal is `iso`.

## GRUB_TIMEOUT: seconds that the GRUB menu waits for a key
GRUB_TIMEOUT ?= 1

ISO := $(OUT)/multios.iso
ISO_OPTIONS := --timeout '$(GRUB_TIMEOUT)'
ifneq ($(filter iso,$(MAKECMDGOALS)),)
ISO_OPTIONS += $(if $(SCHED),--sched '$(SCHED)') $(if $(CMDLINE),--cmdline '$(subst ','\'',$(CMDLINE))')
endif

# Changes when the options do, so that the image follows them.
ISO_OPTIONS_FILE := $(OUT)/multios.iso.options
$(ISO_OPTIONS_FILE): ALWAYS
	@mkdir -p $(@D)
	@cmp -s - $@ <<<"$$ISO_OPTIONS" || printf '%s\n' "$$ISO_OPTIONS" > $@
$(ISO_OPTIONS_FILE): export ISO_OPTIONS := $(ISO_OPTIONS)

.PHONY: ALWAYS
ALWAYS:

.PHONY: iso
iso: $(ISO) ## the bootable image, BIOS and UEFI, for QEMU and for a USB stick

$(ISO): $(KERNEL) $(ISO_OPTIONS_FILE) iso/build iso/grub.cfg.in sched/policies.def
	$(Q)iso/build --kernel $(KERNEL) --output $@ $(ISO_OPTIONS)
