# SPDX-License-Identifier: MIT
"""MultiOS seen from gdb: a reading interface, a model of the kernel's structures, commands."""
