# SPDX-License-Identifier: MIT
"""`make help`: the goals and variables as the makefiles themselves document them.

A goal is documented by `goal: … ## text` on its line, a variable by `## NAME: text` above its
default, so that this list cannot differ from what is there.
"""
import re
import sys
from pathlib import Path

GOAL = re.compile(r"^([\w-]+):(?!=).*?## (.+)$")
VARIABLE = re.compile(r"^## ([A-Z_0-9]+)(=?): (.+)\n\1 [?:]?= ?(.*)$", re.M)


def main(paths):
    goals, variables = [], []
    for path in dict.fromkeys(paths):
        if not path.endswith((".mk", "Makefile")):
            continue
        text = Path(path).read_text(encoding="utf-8")
        goals += [match.groups() for line in text.splitlines() if (match := GOAL.match(line))]
        variables += VARIABLE.findall(text)
    print("Goals:")
    for goal, text in goals:
        print(f"  make {goal:<12} {text}")
    print("\nVariables, with their defaults:")
    for name, _, text, default in variables:
        print(f"  {name + '=' + default:<17} {text}")


if __name__ == "__main__":
    main(sys.argv[1:])
