# SPDX-License-Identifier: MIT
"""Writes a compilation database (clang.llvm.org, JSONCompilationDatabase) for editors.

usage: compile_commands.py OUT OBJECT_FOLDER COMPILER FLAG…  with the sources on standard input
"""
import json
import os
import sys


def main(out, objects, *compiler):
    here = os.getcwd()
    entries = [
        {"directory": here, "file": source,
         "arguments": [*compiler, *(["-D__ASSEMBLY__"] if source.endswith(".S") else []),
                       "-c", source, "-o", f"{objects}/{source}.o"]}
        for source in sys.stdin.read().split()]
    whole = f"{out}.{os.getpid()}"  # several kernels may be built at once
    with open(whole, "w", encoding="utf-8") as file:
        json.dump(entries, file, indent=0)
        file.write("\n")
    os.replace(whole, out)


main(*sys.argv[1:])
