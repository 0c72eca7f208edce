# SPDX-License-Identifier: MIT
# What editors want to know: build/compile_commands.json, made anew when files come or go. Of the
# kernel that was built last.

COMPILE_COMMANDS := build/compile_commands.json

kernel: $(COMPILE_COMMANDS)
$(COMPILE_COMMANDS): ci/make/kernel.mk ci/lib/compile_commands.py $(sort $(dir $(KERNEL_SRCS)))
	@mkdir -p $(@D)
	@printf '%s\n' $(KERNEL_SRCS) | \
		ci/python ci/lib/compile_commands.py $@ $(OUT) $(CC) $(KERNEL_CFLAGS)
