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


def one_more(members):
    """The same with a nanosecond more for the last one."""
    return [*members[:-1], (members[-1][0] + 1, members[-1][1])]


@pytest.mark.parametrize("case", known_answers.BOUNDS, ids=lambda case: case["id"])
def test_known_bound(case):
    """The worst set has the utilisation of the bound; it misses nothing, and with a nanosecond more it does."""
    members = known_answers.worst_set(case["n"])
    assert sum(run / period for run, period in members) == pytest.approx(case["expected"], abs=5e-5)
    plain = {"class": "fifo", "priority": "rm"}
    assert known_answers.missing(simulator.result(known_answers.bound_scenario(members, **plain))) == []
    late = simulator.result(known_answers.bound_scenario(one_more(members), **plain))
    assert known_answers.first_miss(late) == [case["n"] - 1, members[-1][1]]


@pytest.mark.parametrize("case", known_answers.BOUNDS[1:], ids=lambda case: case["id"])
def test_the_library_admits_up_to_the_bound(case):
    """Its own test of response times says the same, to the nanosecond."""
    members, admitted = known_answers.worst_set(case["n"]), {"class": "rm", "runtime": "run"}
    outcome = simulator.result(known_answers.bound_scenario(members, **admitted))
    assert known_answers.missing(outcome) == []
    refused = simulator.run(known_answers.bound_scenario(one_more(members), **admitted))
    assert f"task T{case['n'] - 1}: no CPU has room" in refused.stderr


def test_every_case_has_its_place():
    """Each published case is run, or it says why not, once."""
    lists = known_answers.NOT_OURS
    run = known_answers.CASES + known_answers.BOUNDS
    names = [case["id"] for case in run] + [i for entry in lists for i in entry["ids"]]
    assert len(names) == len(set(names)) == 55
    assert all(entry["why"] for entry in lists)
