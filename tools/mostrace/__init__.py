# SPDX-License-Identifier: MIT
"""Traces of the scheduler outside of the machine: recording, reading, converting (docs/tracing.md)."""
