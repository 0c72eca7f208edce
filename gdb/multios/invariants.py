# SPDX-License-Identifier: MIT
"""
The scheduler's invariants (rules S11, sched/check.c) recomputed from outside, and those of mutexes.
A run queue whose lock is held may be half changed: it is passed over and named as such. Each check
yields what is wrong as (thread or None, words). Needs no gdb.
"""

from multios.waits import Waits

NO_INHERITED = 255  # SCHED_URGENCY_NONE


def has_bit(words, bit):
    return bool(words[bit // 64] >> bit % 64 & 1)


def linked(entity):
    """Is it on a list or in the tree? Unlinked nodes are zeros."""
    return any(entity.node._data) or any(entity.tree_node._data)


def check_current(cpu, idle):
    rq, current = cpu.rq, cpu.current()
    if rq.curr != current.entity.address:
        yield current, "is the CPU's current thread, the run queue has another entity as current"
        return
    entity = current.entity
    if current.said != "running":
        yield current, "is current and its state is %s" % current.said
    if entity.rq != rq.address:
        yield current, "is current and belongs to another run queue"
    if linked(entity):
        yield current, "is current and on a list"
    if rq.curr_rank != entity.rank and not rq.need_resched:
        yield current, "has rank %d, the CPU publishes %d" % (entity.rank, rq.curr_rank)
    if not idle and not rq.nr_runnable:
        yield current, "runs and the CPU counts no runnable thread"


def check_affinity(cpu, thread):
    if not has_bit(thread.affinity, cpu.number) and not thread.entity.move_pending:
        yield thread, "is on CPU %d, where it may not run, and no move is pending" % cpu.number
    if thread.entity.move_pending and thread.said != "running":
        yield thread, "has a move pending and does not run"


def check_pick(cpu, queued):
    rq, current = cpu.rq, cpu.current()
    if queued and queued[0][0] < current.entity.rank and not rq.need_resched:
        yield queued[0][1], "is more urgent than current thread %d and no switch is due" % current.tid
    if rq.nr_runnable > 1 and rq.slice_end < rq.timer_at and not rq.need_resched:
        yield None, "somebody waits and no timer ends the slice"
    if rq.nr_runnable > 1 and rq.balance_at < rq.timer_at and not rq.need_resched:
        yield None, "somebody waits and no timer balances"


def check_queued(cpu, rank, thread):
    entity = thread.entity
    policy = cpu.kernel.target.struct("sched_policy", entity.policy)
    first = policy.first_rank
    expected = first if policy.boosts and entity.epoch != cpu.rq.epoch else entity.rank
    if thread.said != "queued":
        yield thread, "is in the queue and its state is %s" % thread.said
    if entity.rq != cpu.rq.address:
        yield thread, "is in the queue of CPU %d and belongs to another" % cpu.number
    if not first <= entity.rank < first + policy.ranks:
        yield thread, "has rank %d, its policy owns %d to %d" % (
            entity.rank, first, first + policy.ranks - 1)
    elif expected != rank:
        yield thread, "is on the list of rank %d and belongs on %d" % (rank, expected)
    if entity.since > cpu.rq.clock or entity.since < entity.created:
        yield thread, "was accounted at a time that has not been"
    yield from check_affinity(cpu, thread)


def check_tree(cpu):
    keys = [(thread.entity.key, thread.entity.sequence, thread)
            for _, thread in cpu.queued_in_tree()]
    for before, after in zip(keys, keys[1:]):
        if before[:2] > after[:2]:
            yield after[2], "is in the tree behind thread %d, which has a greater key" % before[2].tid


def check_cpu(cpu):
    idle = cpu.rq.curr == cpu.rq.idle
    queued = cpu.queued()
    yield from check_current(cpu, idle)
    yield from check_affinity(cpu, cpu.current())
    yield from check_pick(cpu, queued)
    for rank, thread in queued:
        yield from check_queued(cpu, rank, thread)
    yield from check_tree(cpu)
    waiting = sum(1 for _, thread in queued if thread.entity.address != cpu.rq.idle)
    if waiting != cpu.rq.nr_runnable - (not idle):
        yield None, "counts %d runnable threads, %d are in its queue and %d %s" % (
            cpu.rq.nr_runnable, waiting, not idle, "runs" if not idle else "run")


def check_thread(thread, queued):
    """Of one thread whose run queue is at rest; `queued` are the addresses of all in queues."""
    entity = thread.entity
    if linked(entity) != (thread.said == "queued"):
        yield thread, "is %s and its state is %s" % (
            "on a list" if linked(entity) else "on no list", thread.said)
    if thread.said == "queued" and thread.address not in queued:
        yield thread, "says it is queued and is in no CPU's queue"
    if thread.running_on is not None and thread.said not in ("running", "dead"):
        yield thread, "is current on CPU %d and its state is %s" % (thread.running_on, thread.said)
    if thread.said == "running" and thread.running_on is None:
        yield thread, "says it is running and is no CPU's current"
    if entity.urgency != min(entity.own_urgency, entity.inherited):
        yield thread, "has urgency %d, its own is %d and it inherits %s" % (
            entity.urgency, entity.own_urgency,
            "none" if entity.inherited == NO_INHERITED else entity.inherited)
    if sum(entity.stats.time) != entity.since - entity.created:
        yield thread, "has lived %d ns and %d ns are booked" % (
            entity.since - entity.created, sum(entity.stats.time))


def check_waits(waits):
    """Mutexes that somebody waits for have an owner, who waits like the others it knows of."""
    for thread in waits.threads.values():
        if not thread.mutex_waited:
            continue
        mutex = waits.mutex(thread.mutex_waited)
        owner = waits.owner(mutex)
        if mutex.owner_address and owner is None:
            yield thread, "waits for mutex %s, whose owner 0x%x is no thread" % (
                mutex.name, mutex.owner_address)
        elif owner is not None and owner.said == "blocked" and \
                not any(m.address == mutex.address for m in waits.held(owner)):
            # One that has just been given the mutex enters it when it runs.
            yield owner, "owns mutex %s and has it not in its list" % mutex.name
        elif owner is thread:
            yield thread, "waits for mutex %s, which it owns" % mutex.name


def check_all(kernel):
    """(complaints as dictionaries, numbers of the CPUs that could not be checked)."""
    found, changing = [], [cpu.number for cpu in kernel.cpus() if cpu.locked]
    for cpu in kernel.cpus():
        if cpu.number not in changing:
            found += [complaint(cpu.number, *wrong) for wrong in check_cpu(cpu)]
    if not changing:
        queued = {t.address for cpu in kernel.cpus() for _, t in cpu.queued()}
        waits = Waits(kernel)
        for thread in waits.threads.values():
            found += [complaint(thread.cpu, *wrong)
                      for wrong in check_thread(thread, queued)]
        found += [complaint(None, *wrong) for wrong in check_waits(waits)]
    return list({tuple(sorted(c.items(), key=str)): c for c in found}.values()), changing


def complaint(cpu, thread, words):
    return {"cpu": cpu, "tid": thread and thread.tid, "name": thread and thread.name, "what": words}
