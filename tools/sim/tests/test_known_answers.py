# SPDX-License-Identifier: MIT
"""Published worked examples, exactly: who has finished when, averages as they were printed."""
import pytest

from tools.sim.tests import known_answers, simulator


@pytest.mark.parametrize("case", known_answers.CASES, ids=lambda case: case["id"])
def test_known_answer(case):
    result = simulator.result(known_answers.scenario(case))
    if case["what"] in known_answers.ANSWERS:
        assert known_answers.ANSWERS[case["what"]](result) == case["expected"]
    else:
        assert known_answers.average(result, case["what"]) == pytest.approx(case["expected"], abs=5e-5)


def test_every_case_has_its_place():
    """Each published case is run, or it says why not, once."""
    lists = known_answers.NOT_YET + known_answers.NOT_OURS
    names = [case["id"] for case in known_answers.CASES] + [i for entry in lists for i in entry["ids"]]
    assert len(names) == len(set(names)) == 55
    assert all(entry["why"] for entry in lists)
