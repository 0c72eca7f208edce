# SPDX-License-Identifier: MIT
"""Loads the MultiOS commands into gdb: `source gdb/multios.py`, or `make gdb`, which does it."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    import gdb  # noqa: F401
except ImportError:
    sys.exit("gdb/multios.py is loaded by gdb: `gdb -x gdb/multios.py build/gcc-debug/multios.elf`")

# The package of the same name beside this file, not this file.
import multios.register  # noqa: E402

multios.register.register_all()
