/* SPDX-License-Identifier: MIT */
/*
 * CPUs: what a kernel does around the scheduler library. A CPU looks at its need_resched only after
 * it was interrupted or has switched, and a halted one wakes for nothing but an interrupt.
 */
#include "tools/sim/sim.h"
#include <arch/host.h>
#include <stdlib.h>

/* The hooks of the scheduler get only a run queue. */
static struct sim *machine;

static struct sim_cpu *cpu_of(struct sched_rq *rq)
{
	return container_of(rq, struct sim_cpu, rq);
}

static struct sim_task *task_of(struct sim_cpu *cpu, struct sched_entity *se)
{
	return se == &cpu->idle ? NULL : container_of(se, struct sim_task, se);
}

/* --- what the scheduler asks for ------------------------------------------------------------- */

void sched_env_kick(struct sched_rq *rq)
{
	cpu_interrupt(cpu_of(rq));
}

void sched_env_set_timer(struct sched_rq *rq, ktime_t when)
{
	unsigned event = timer_event(machine, cpu_of(rq));

	if (when == KTIME_MAX)
		events_clear(&machine->events, event);
	else
		events_set(&machine->events, event, when);
}

/* --- turns ----------------------------------------------------------------------------------- */

static void record_turn(const struct sim_task *task, unsigned cpu, ktime_t begin)
{
	machine->turns = sim_append(
		machine->turns, &machine->turn_count, &machine->turn_room, sizeof(struct sim_turn));
	machine->turns[machine->turn_count - 1] = (struct sim_turn){
		.cpu = cpu,
		.task = task_number(machine, task),
		.begin = begin,
		.end = machine->now,
	};
}

static void record_work(const struct sim_cpu *cpu)
{
	record_turn(cpu->running, cpu->rq.cpu, cpu->work_begins);
}

static void end_wait(struct sim_task *task)
{
	if (task->ready_since >= 0 && task->ready_since < machine->now)
		record_turn(task, SCHED_NO_CPU, task->ready_since);
	task->ready_since = -1;
}

static void begin_wait(struct sched_rq *rq, struct sched_entity *se)
{
	struct sim_task *task = task_of(cpu_of(rq), se);

	if (task && se->state == SCHED_QUEUED && task->ready_since < 0)
		task->ready_since = machine->now;
}

/* Only while turns are recorded. The one who is next begins its turn when its CPU is told. */
void sched_env_trace_switch(struct sched_rq *rq, struct sched_entity *prev,
	struct sched_entity *next, enum sched_reason reason)
{
	(void)next;
	(void)reason;
	begin_wait(rq, prev);
}

void sched_env_trace_wake(struct sched_rq *rq, struct sched_entity *se, unsigned from)
{
	(void)from;
	begin_wait(rq, se);
}

void sched_env_trace_event(
	struct sched_rq *rq, struct sched_entity *se, enum sched_event_kind kind, unsigned from)
{
	(void)from;
	if (kind != SCHED_EVENT_MIGRATE)
		begin_wait(rq, se);
}

/* Books what the running task did until now. */
static void stop_work(struct sim_cpu *cpu)
{
	ktime_t worked = machine->now - cpu->work_begins;

	if (worked < 0) { /* it goes before its switch is paid for */
		cpu->overhead += worked;
		return;
	}
	cpu->running->left -= worked;
	cpu->running->worked += worked;
	if (machine->record && worked)
		record_work(cpu);
}

static void start_work(struct sim_cpu *cpu, struct sim_task *task)
{
	ktime_t cost = task == cpu->last ? 0 : machine->scenario->switch_cost;

	if (task->first_run < 0)
		task->first_run = machine->now;
	end_wait(task);
	cpu->last = task;
	cpu->overhead += cost;
	cpu->work_begins = machine->now + cost;
	events_set(&machine->events, work_event(machine, cpu), cpu->work_begins + task->left);
}

void cpu_work_on(struct sim_cpu *cpu)
{
	if (machine->record)
		record_work(cpu);
	cpu->running->worked += machine->now - cpu->work_begins;
	cpu->work_begins = machine->now;
	events_set(&machine->events, work_event(machine, cpu), machine->now + cpu->running->left);
}

void cpu_switch(struct sim_cpu *cpu, enum sched_reason reason)
{
	struct sched_entity *next;
	struct sim_task *task;

	arch_host_become(cpu->rq.cpu);
	spin_lock(&cpu->rq.lock);
	next = sched_switch(&cpu->rq, reason, machine->now);
	sched_switch_tail(&cpu->rq);
	cpu_interrupt(cpu);
	task = task_of(cpu, next);
	if (task == cpu->running)
		return;
	if (cpu->running) {
		machine->switches++;
		stop_work(cpu);
	}
	cpu->running = task;
	if (task)
		start_work(cpu, task);
	else
		events_clear(&machine->events, work_event(machine, cpu));
}

void cpu_timer(struct sim_cpu *cpu)
{
	arch_host_become(cpu->rq.cpu);
	sched_timer(&cpu->rq, machine->now);
	cpu_interrupt(cpu);
}

/* --- looking at need_resched ----------------------------------------------------------------- */

void cpu_interrupt(struct sim_cpu *cpu)
{
	if (cpu->must_look)
		return;
	cpu->must_look = true;
	cpu->next_to_look = NULL;
	if (machine->look_first)
		machine->look_last->next_to_look = cpu;
	else
		machine->look_first = cpu;
	machine->look_last = cpu;
}

/* As the idle thread does it, until the CPU halts or has something to do. */
static void idle_loop(struct sim_cpu *cpu)
{
	while (!cpu->running) {
		sched_idle_enter(&cpu->rq);
		if (!sched_need_resched(&cpu->rq) &&
			!sched_steal(&machine->sched, &cpu->rq, machine->now)) {
			cpu->halted = true;
			return;
		}
		sched_idle_exit(&cpu->rq);
		cpu_switch(cpu, SCHED_PREEMPT);
	}
}

static void look(struct sim_cpu *cpu)
{
	arch_host_become(cpu->rq.cpu);
	if (cpu->halted) {
		cpu->halted = false;
		sched_idle_exit(&cpu->rq);
	}
	if (sched_need_resched(&cpu->rq))
		cpu_switch(cpu, SCHED_PREEMPT);
	if (!cpu->running) {
		arch_host_become(cpu->rq.cpu);
		idle_loop(cpu);
	}
}

void cpus_settle(void)
{
	while (machine->look_first) {
		struct sim_cpu *cpu = machine->look_first;

		machine->look_first = cpu->next_to_look;
		cpu->must_look = false;
		look(cpu);
	}
}

/* --- begin and end --------------------------------------------------------------------------- */

void cpus_start(struct sim *sim)
{
	machine = sim;
	arch_host_init(sim->scenario->cpus);
	arch_host_reset();
	for (unsigned i = 0; i < sim->scenario->cpus; i++) {
		sched_add_cpu(&sim->sched, &sim->cpu[i].rq, i, &sim->cpu[i].idle, 0);
		sim->cpu[i].rq.trace = sim->record;
		cpu_interrupt(&sim->cpu[i]);
	}
	cpus_settle();
}

void cpus_stop(struct sim *sim)
{
	for (unsigned i = 0; i < sim->scenario->cpus; i++)
		if (sim->cpu[i].running)
			stop_work(&sim->cpu[i]);
	for (unsigned i = 0; i < sim->scenario->task_count; i++)
		end_wait(&sim->task[i]);
	arch_host_become(0);
}
