# SPDX-License-Identifier: MIT
"""What the simulator makes of right scenarios: times, ties, several CPUs, reports, its own speed."""
import pytest

from tools.sim.tests import simulator
from tools.sim.tests.simulator import result, tasks


def task(name, *phases, **rest):
    return {"name": name, "phases": [dict([phase]) for phase in phases], **rest}


def run(length):
    return "run", length


def sleep(length):
    return "sleep", length


def crowd(cpus, count, **rest):
    """Tasks that run 0.5 to 1.5 ms and sleep as long, over and over."""
    member = task("T", run([500, 1500]), sleep([500, 1500]), count=count, repeat="forever")
    return {"unit": "us", "cpus": cpus, "horizon": 1000000, "tasks": [member], **rest}


def test_arrival_before_the_end_of_a_slice():
    """S1.7: who comes when a slice ends is queued before the one whose slice it was."""
    outcome = tasks(result({"quantum": 2, "tasks": [
        task("A", run(4)), task("B", run(2), arrival=2)]}))
    assert (outcome["B"]["finish"], outcome["A"]["finish"]) == (4, 6)


def test_arrivals_at_one_time_in_the_order_of_the_scenario():
    outcome = tasks(result({"quantum": 1, "tasks": [task(n, run(1)) for n in "CABD"]}))
    assert [outcome[n]["finish"] for n in "CABD"] == [1, 2, 3, 4]


def test_end_of_work_at_the_end_of_a_slice():
    """It ends there and does not queue again."""
    outcome = tasks(result({"quantum": 2, "tasks": [task("A", run(2)), task("B", run(2))]}))
    assert outcome["A"]["finish"] == 2 and outcome["A"]["switches"] == 1


def test_end_of_work_when_somebody_comes():
    """B comes from CPU 0 to CPU 1, where A's slice and A's work end at that moment: A ends."""
    outcome = tasks(result({"cpus": 2, "quantum": 2, "tasks": [
        task("A", run(4), affinity=[1]), task("B", run(3), arrival=4),
        task("C", run(10), affinity=[0]), task("D", run(10), affinity=[0])]}))
    assert (outcome["A"]["finish"], outcome["B"]["finish"]) == (4, 7)


def test_sleeps():
    outcome = tasks(result({"tasks": [task("A", run(3), sleep(4), sleep(1), run(2))]}))["A"]
    assert (outcome["finish"], outcome["ran"], outcome["slept"]) == (10, 5, 5)
    assert outcome["waiting"] == 0 and outcome["voluntary"] == 2


def test_rounds():
    """A sleep after the last run is not waited for."""
    outcome = tasks(result({"tasks": [task("A", run(3), sleep(4), repeat=3)]}))["A"]
    assert (outcome["finish"], outcome["ran"]) == (17, 9)


def test_runs_in_a_row_are_one_turn():
    outcome = result({"quantum": 10, "tasks": [task("A", run(2), run(3))]})
    assert tasks(outcome)["A"]["finish"] == 5 and outcome["switches"] == 1
    assert tasks(outcome)["A"]["ran"] == 5


def test_two_cpus():
    outcome = tasks(result({"cpus": 2, "quantum": 20, "tasks": [
        task("A", run(10)), task("B", run(4)), task("C", run(6))]}))
    assert [outcome[n]["finish"] for n in "ABC"] == [10, 4, 10]


def test_affinity():
    outcome = result({"cpus": 2, "quantum": 20, "tasks": [
        task("A", run(10), affinity=[1]), task("B", run(4), affinity=[1])]})
    assert [t["finish"] for t in outcome["tasks"]] == [10, 14]
    assert [cpu["busy"] for cpu in outcome["per_cpu"]] == [0, 14]


def test_no_balancing():
    """An idle CPU takes nobody."""
    pair = {"cpus": 2, "quantum": 20, "tasks": [
        task("A", run(9)), task("B", run(1), sleep(1), run(9)), task("C", run(12))]}
    assert sum(cpu["steals"] for cpu in result({**pair, "balancing": False})["per_cpu"]) == 0


def test_horizon():
    outcome = result({"horizon": 5, "quantum": 2, "tasks": [
        task("A", run(9)), task("B", run(9)), task("C", run(1), arrival=5)]})
    states = {name: t["state"] for name, t in tasks(outcome).items()}
    assert outcome["end"] == 5
    assert states == {"A": "running", "B": "waiting", "C": "not arrived"}
    assert [t["ran"] for t in outcome["tasks"]] == [3, 2, 0]
    assert [t["finish"] for t in outcome["tasks"]] == [None] * 3


def test_switch_cost():
    """Paid when a CPU goes to a task that was not its last one, and it delays that task's work."""
    outcome = result({"quantum": 5, "switch_cost": 1, "tasks": [task("A", run(3)), task("B", run(3))]})
    assert [t["finish"] for t in outcome["tasks"]] == [4, 8]
    assert outcome["per_cpu"][0]["switch_costs"] == 2 and outcome["per_cpu"][0]["busy"] == 8


def test_switch_cost_eats_the_slice():
    """With a quantum of 2 and a cost of 1 half of the time is work."""
    outcome = result({"quantum": 2, "switch_cost": 1, "horizon": 12, "tasks": [
        task("A", run(3)), task("B", run(3))]})
    assert [t["finish"] for t in outcome["tasks"]] == [10, None]
    assert [t["ran"] for t in outcome["tasks"]] == [3, 3]


def test_no_switch_cost_for_the_last_one():
    outcome = tasks(result({"switch_cost": 1, "tasks": [task("A", run(3), sleep(2), run(3))]}))
    assert outcome["A"]["finish"] == 9


def test_switch_cost_that_is_never_paid_in_full():
    """Driven away before their work begins, both get nowhere."""
    outcome = result({"quantum": 1, "switch_cost": 2, "horizon": 10, "tasks": [
        task("A", run(3)), task("B", run(3))]})
    assert [t["ran"] for t in outcome["tasks"]] == [0, 0]
    assert outcome["per_cpu"][0]["switch_costs"] == outcome["per_cpu"][0]["busy"] == 10


def test_fractions_are_exact():
    """Level 39 has a quarter of Normal's slice."""
    outcome = result({"quantum": 1, "tasks": [task("A", run(1), level=39), task("B", run(1), level=39)]})
    assert [t["finish"] for t in outcome["tasks"]] == [1.75, 2]


@pytest.mark.parametrize("cpus", [1, 3, 8])
def test_sums(cpus):
    """Work, waiting and sleep are the time of each task; work and costs are the time of the CPUs."""
    outcome = result({**crowd(cpus, 20, switch_cost=3), "horizon": 100000})
    assert all(t["ran"] + t["waiting"] + t["slept"] <= 100000 for t in outcome["tasks"])
    work = sum(t["ran"] for t in outcome["tasks"])
    assert work + sum(c["switch_costs"] for c in outcome["per_cpu"]) == sum(c["busy"] for c in outcome["per_cpu"])
    assert sum(c["busy"] for c in outcome["per_cpu"]) > 0.9 * cpus * 100000


def test_same_input_same_output():
    scenario = {**crowd(4, 12), "horizon": 50000}
    first = simulator.output(scenario, "--json")
    assert first == simulator.output(scenario, "--json")
    assert first == simulator.output(scenario, "--json", program=simulator.FAST)
    assert first != simulator.output({**scenario, "seed": 2}, "--json")


def test_chart():
    lines = simulator.output({"quantum": 2, "cpus": 2, "tasks": [
        task("first", run(5), affinity=[0]), task("second", run(3), affinity=[0]),
        task("third", run(1), arrival=4)]}, "--gantt").splitlines()
    assert lines[1:4] == ["CPU 0    AABBAABA", "CPU 1    ....C...",
                          "A first  B second  C third  . idle or switching"]


def periodic(**rest):
    return {"name": "A", "run": 2, "period": 5, **rest}


def test_periodic_jobs():
    """Released every period from the arrival on; asleep in between; the end of the last job is the task's."""
    outcome = tasks(result({"tasks": [periodic(arrival=3, repeat=4)]}))["A"]
    assert (outcome["finish"], outcome["jobs"], outcome["misses"], outcome["worst"]) == (20, 4, 0, 2)
    assert (outcome["ran"], outcome["slept"], outcome["state"]) == (8, 9, "ended")


def test_period_runs_to_the_horizon():
    """A job that would be released at the horizon is none."""
    outcome = tasks(result({"horizon": 15, "tasks": [periodic()]}))["A"]
    assert (outcome["jobs"], outcome["finish"], outcome["state"]) == (3, None, "sleeping")


def test_rounds_of_a_job():
    """Phases of a job are gone through anew for each; a sleep after its last run is not waited for."""
    outcome = tasks(result({"tasks": [task("A", run(1), sleep(1), run(1), sleep(9), period=5, repeat=2)]}))["A"]
    assert (outcome["finish"], outcome["ran"], outcome["worst"]) == (8, 4, 3)


def test_misses():
    """Too much, first come first served; B is late at once and then runs three jobs in a row."""
    outcome = tasks(result({"quantum": 1000, "horizon": 50, "tasks": [
        {"name": "A", "run": 5, "period": 10}, {"name": "B", "run": 8, "period": 10, "deadline": 9}]}))
    assert [outcome[n]["misses"] for n in "AB"] == [3, 4]
    assert [outcome[n]["first_miss"] for n in "AB"] == [20, 9]
    assert [outcome[n]["worst"] for n in "AB"] == [24, 13]


def test_done_at_the_deadline_is_no_miss():
    outcome = tasks(result({"tasks": [task("A", run(5), deadline=5), task("B", run(1), deadline=5)]}))
    assert [(outcome[n]["misses"], outcome[n]["first_miss"]) for n in "AB"] == [(0, None), (1, 5)]


def test_backlog():
    """A job released while the one before it runs follows it at once, with no switch."""
    outcome = result({"tasks": [{"name": "A", "run": 3, "arrivals": [1, 2, 2, 20], "deadline": 6}]})
    a = tasks(outcome)["A"]
    assert (a["finish"], a["jobs"], a["misses"], a["first_miss"], a["worst"]) == (23, 4, 1, 8, 8)
    assert outcome["switches"] == 2


def test_jobs_never_done_are_misses():
    """Those whose deadline is before the horizon; releases that the task has not come to count too."""
    outcome = tasks(result({"horizon": 40, "tasks": [{"name": "A", "run": 35, "period": 10}]}))["A"]
    assert (outcome["jobs"], outcome["misses"], outcome["first_miss"], outcome["worst"]) == (1, 3, 10, 35)


def test_aging():
    """S4.1: with a level worth 5 ms, B of level 22 goes before A of level 20 once it has waited for 10."""
    pair = [task("A", run(12), run(12), arrival=1, level=20), task("B", run(2), arrival=1, level=22)]
    end = {aging: tasks(result({"policy": "priority", "aging": aging, "tasks": pair}))["B"]["finish"]
           for aging in (5, 100)}
    assert end == {5: 15, 100: 27}


def test_boost():
    """S5.3: what has sunk below comes to the top at the next multiple of the interval."""
    pair = [task("A", run(30)), task("B", run(2), sleep(1), arrival=12, repeat="forever")]
    end = {boost: tasks(result({"policy": "mlfq", "boost": boost, "horizon": 400, "tasks": pair}))["A"]["finish"]
           for boost in (20, 300)}
    assert end[20] < end[300]


def test_edf_jobs_in_a_row():
    """A's second job is released while the first one runs; its deadline is after B's."""
    outcome = tasks(result({"policy": "edf", "horizon": 40, "tasks": [
        {"name": "A", "run": 6, "period": 5, "repeat": 2}, {"name": "B", "run": 2, "arrival": 1, "deadline": 8}]}))
    assert (outcome["B"]["finish"], outcome["A"]["finish"], outcome["A"]["misses"]) == (8, 14, 2)


def test_edf_before_those_without_deadline():
    outcome = tasks(result({"policy": "edf", "quantum": 2, "tasks": [
        task("A", run(4)), task("B", run(4)), task("C", run(3), arrival=3, deadline=100)]}))
    assert [outcome[n]["finish"] for n in "ABC"] == [9, 11, 6]


def fixed(kind, priority, **rest):
    return {"class": kind, "priority": priority, **rest}


def test_fixed_priorities():
    """S7: the higher number runs; FIFO keeps its CPU from equals, RR shares with them."""
    outcome = tasks(result({"quantum": 2, "tasks": [
        task("low", run(4), **fixed("fifo", 1)), task("A", run(4), arrival=1, **fixed("fifo", 9)),
        task("B", run(4), arrival=1, **fixed("fifo", 9)), task("ts", run(4))]}))
    assert [outcome[n]["finish"] for n in ("A", "B", "low", "ts")] == [5, 9, 12, 16]
    outcome = tasks(result({"quantum": 20, "tasks": [
        task(n, run(40), **fixed("rr", 9)) for n in "AB"]}))
    assert outcome["B"]["finish"] - outcome["A"]["finish"] < 40


def test_reservations():
    """S6.3: who wants more than it has reserved is late itself and makes nobody else late."""
    outcome = tasks(result({"horizon": 200, "tasks": [
        {"name": "greedy", "class": "dl", "runtime": 4, "period": 10, "run": 9},
        {"name": "good", "class": "dl", "runtime": 5, "period": 10, "run": 5},
        task("ts", run(5), repeat="forever")]}))
    assert outcome["good"]["misses"] == 0 and outcome["greedy"]["misses"] > 0
    assert outcome["greedy"]["ran"] <= 84


def test_rate_monotonic_admission():
    """S7.1: SimSo's set is above the bounds and admitted by the exact analysis; Silberschatz's is refused."""
    def members(*numbers):
        return [{"name": f"P{p}", "class": "rm", "runtime": c, "run": c, "period": p, "repeat": 5} for c, p in numbers]

    assert [t["misses"] for t in result({"tasks": members((3, 7), (3, 12), (5, 20))})["tasks"]] == [0, 0, 0]
    refused = simulator.run({"tasks": members((25, 50), (35, 80))})
    assert refused.returncode == 2 and "task P80: no CPU has room" in refused.stderr


def test_admission():
    """S6.1: 0.96 of a CPU is too much, unless everything is admitted."""
    pair = [{"name": n, "class": "dl", "runtime": 48, "period": 100, "run": 48, "repeat": 2} for n in "AB"]
    refused = simulator.run({"tasks": pair})
    assert refused.returncode == 2 and "task B: no CPU has room for its reservation" in refused.stderr
    assert [t["misses"] for t in result({"tasks": pair, "admission": "off"})["tasks"]] == [0, 0]
    assert [t["migrations"] for t in result({"tasks": pair, "cpus": 2})["tasks"]] == [0, 0]


def test_table():
    text = simulator.output({"tasks": [task("A", run(3)), task("B", run(2))]})
    rows = [line.split() for line in text.splitlines()]
    assert ["B", "0", "5", "3", "3", "5", "2", "1", "0", "0", "ended"] in rows
    assert "averages in ms: waiting 1.5000, response 1.5000, turnaround 4.0000" in text


def test_examples():
    """Those in the folder are right; the large one is cut short."""
    folder = simulator.ROOT / "tools/sim/examples"
    result_of = {path.stem: simulator.result(path.read_text().replace("horizon: 1000000", "horizon: 2000")
                                             .replace("cpus: 4096", "cpus: 64").replace("20000", "200"))
                 for path in folder.glob("*.yaml")}
    assert [t["finish"] for t in result_of["stallings"]["tasks"]] == [4, 18, 17, 20, 15]
    assert len(result_of["crowd"]["tasks"]) == 200


def test_policies():
    names = simulator.output("", "--policies").split()
    assert "rr" in names and "idle" not in names


@pytest.mark.parametrize("option, error", [("--nothing", "there is no option --nothing"),
                                           ("x.json", "one scenario at a time")])
def test_bad_command(option, error):
    done = simulator.run("", option)
    assert done.returncode == 2 and error in done.stderr
