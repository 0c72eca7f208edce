# SPDX-License-Identifier: MIT
"""What the commands in ci/ share: machines, their verdicts, symbols, results."""
