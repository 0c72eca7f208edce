# SPDX-License-Identifier: MIT
"""Bugs that are put back in (*/tests/mutants/): each is caught by the test that its patch names."""
import pytest

from ci.lib import mutants_command as mutants


@pytest.mark.parametrize("path", mutants.paths(), ids=lambda path: path.stem)
def test_mutant_is_caught(path):
    print(mutants.try_mutant(path))


def test_there_are_enough():
    assert len(mutants.paths()) >= 60


def broken(tmp_path, text):
    path = tmp_path / "broken.patch"
    path.write_text(text)
    with pytest.raises(mutants.Broken) as error:
        mutants.try_mutant(path)
    return str(error.value)


HEAD = "Bug: none\nTest: sched/tests/test_check S11_3_affinity\n\n"
PATCH = "--- a/sched/tree.c\n+++ b/sched/tree.c\n@@ -1 +1 @@\n"


def test_a_patch_that_does_not_apply(tmp_path):
    assert "does not apply any more: this is 0 times in sched/tree.c" in broken(
        tmp_path, HEAD + PATCH + "-\treturn never_there;\n+\treturn 0;\n")


def test_a_mutant_that_nothing_catches(tmp_path):
    assert "not caught by S11_3_affinity of sched/tests/test_check (tests that failed: none)" in broken(
        tmp_path, HEAD + PATCH + "-struct sched_entity *sched_tree_take(struct sched_rq *rq)\n"
        "+struct sched_entity *sched_tree_take(struct sched_rq *rq )\n")


def test_a_patch_without_a_test(tmp_path):
    assert "expected the lines 'Bug: TEXT' and 'Test: PROGRAM TEST'" in broken(tmp_path, "Bug: none\n" + PATCH)
