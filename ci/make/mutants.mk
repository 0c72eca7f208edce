# SPDX-License-Identifier: MIT
# Mutants: bugs that are put back in, each of which a named test has to catch. The flavour "plain"
# has all assertions and no sanitizer: it is compiled and linked fast.

$(eval $(call host_flavour,plain,$(HOST_CC),,,$(HOST_TESTS),$(HOST_SRCS)))

.PHONY: mutants
mutants: host-plain host-explore ## put known bugs back in and see that the tests catch each; prints the table
	@ci/python ci/lib/mutants_command.py $(MUTANTS)

## MUTANTS: names of mutants, separated by blanks; empty: all
MUTANTS ?=

.PHONY: print-plain-flags print-explore-flags
print-plain-flags:
	@echo $(HOST_CC) $(HOST_CFLAGS)
print-explore-flags:
	@echo $(HOST_CC) $(EXPLORE_CFLAGS)
