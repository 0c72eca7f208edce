# SPDX-License-Identifier: MIT
"""The boot matrix: few boots in which every two settings of any two factors meet once.

Pairwise testing (NIST SP 800-142, chapter 2), by the greedy rule: always take the combination that
holds most pairs not met yet, of equals the one whose settings were taken least, then the first. No
randomness: everyone gets the same table.
This file as a program prints it.
"""
import collections
import itertools

FACTORS = {
    "firmware": ("pvh", "bios", "uefi"),
    "smp": (1, 2, 3, 4, 8, 64),
    "cc": ("gcc", "clang"),
    "build": ("debug", "release"),
    "clock": ("mttcg", "icount"),
}

# Each of these pairs is met elsewhere; all three at once keep the firmware busy for half a minute.
LEFT_OUT = {"uefi", 64, "icount"}


def pairs(row):
    """The pairs of settings that meet in a combination."""
    return set(itertools.combinations(enumerate(row), 2))


def product():
    """Every combination."""
    return list(itertools.product(*FACTORS.values()))


def table():
    """The rows, each a tuple with one setting per factor."""
    every = [row for row in product() if not LEFT_OUT <= set(row)]
    open_pairs = set().union(*map(pairs, every))
    rows, taken = [], collections.Counter()
    while open_pairs:
        best = max(every, key=lambda row: (
            len(pairs(row) & open_pairs), -sum(taken[setting] for setting in enumerate(row))))
        open_pairs -= pairs(best)
        taken.update(enumerate(best))
        rows.append(best)
    return rows


def name(row):
    return "-".join(str(setting) for setting in row)


def main():
    print("  ".join(f"{factor:<8}" for factor in FACTORS))
    for row in table():
        print("  ".join(f"{setting!s:<8}" for setting in row).rstrip())
    print(f"{len(table())} rows; icount rows are booted twice")


if __name__ == "__main__":
    main()
