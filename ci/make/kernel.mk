# SPDX-License-Identifier: MIT
# The kernel: build/CC-BUILD/multios.elf, with symbols; iso/build leaves them out of the image.

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wimplicit-fallthrough -Wframe-larger-than=1024 -Werror

KERNEL_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone \
	-mgeneral-regs-only -fno-tree-slp-vectorize -fno-stack-protector -fno-strict-aliasing -fno-common \
	-fno-omit-frame-pointer -fasynchronous-unwind-tables -ffunction-sections \
	-fcf-protection=none -fmacro-prefix-map=$(CURDIR)/= \
	$(WARNINGS) -I. -Iarch/x86_64/include -DCONFIG_MAX_CPUS=256
ifeq ($(BUILD),debug)
KERNEL_CFLAGS += -DCONFIG_DEBUG
endif
ifeq ($(BUILD),release)
KERNEL_CFLAGS += -fomit-frame-pointer
endif
KERNEL_LDFLAGS := -nostdlib -static -Wl,--build-id=sha1 -Wl,-z,max-page-size=4096 \
	-Wl,-z,noexecstack -Wl,--eh-frame-hdr -Wl,--gc-sections -Wl,--fatal-warnings

# Tests and benchmarks that run inside the kernel are linked into every kernel.
KERNEL_SRCS := $(sort $(wildcard boot/*.[cS] arch/x86_64/*.[cS] kernel/*.c sched/*.c mm/*.c \
	*/tests/ktest_*.c arch/x86_64/tests/ktest_*.[cS] bench/kbench_*.c))
KERNEL_OBJS := $(KERNEL_SRCS:%=$(OUT)/%.o)
KERNEL := $(OUT)/multios.elf

.PHONY: kernel
kernel: $(KERNEL)

# Every file is complete when it gets its name: two makes at the same time do each other no harm.
NEW = $@.$$$$
COMPILE = $(CC) $(KERNEL_CFLAGS) -MMD -MP -MT $@ -MF $(NEW).d -c $< -o $(NEW)
KEEP_COMPILED = mv -f $(NEW).d $(@:.o=.d) && mv -f $(NEW) $@

$(OUT)/%.c.o: %.c ci/make/kernel.mk
	@mkdir -p $(@D)
	$(Q)$(COMPILE) && $(KEEP_COMPILED)

$(OUT)/%.S.o: %.S ci/make/kernel.mk
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -D__ASSEMBLY__ && $(KEEP_COMPILED)

# Two links: the first tells the addresses of the functions, the second has them in a table behind
# the text. That it moved no function is checked.
PYTHON := $(or $(wildcard /usr/bin/python3),python3)
SYMBOLS := $(PYTHON) ci/make/symbols.py
LINK_KERNEL = $(CC) $(KERNEL_LDFLAGS) -Wl,-T,boot/kernel.ld $(filter %.o %.S,$^) -o $(NEW)

$(OUT)/symbols-none.S: ci/make/symbols.py
	@mkdir -p $(@D)
	$(Q)$(SYMBOLS) < /dev/null > $(NEW) && mv -f $(NEW) $@

$(OUT)/symbols.S: $(OUT)/pass1.elf ci/make/symbols.py
	$(Q)nm -n $< | $(SYMBOLS) > $(NEW) && mv -f $(NEW) $@

$(OUT)/pass1.elf: $(KERNEL_OBJS) $(OUT)/symbols-none.S boot/kernel.ld
	$(Q)$(LINK_KERNEL) && mv -f $(NEW) $@

$(KERNEL): $(KERNEL_OBJS) $(OUT)/symbols.S boot/kernel.ld
	$(Q)$(LINK_KERNEL) && nm -n $(NEW) | $(SYMBOLS) | cmp - $(OUT)/symbols.S && mv -f $(NEW) $@

-include $(KERNEL_OBJS:.o=.d)
