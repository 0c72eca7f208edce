/* SPDX-License-Identifier: MIT */
/*
 * The protocols of the scheduler, each on three virtual CPUs (explore.h): every interleaving with
 * up to two preemptions, and more at random.
 */
#define RANDOM_RUNS 200000
#include "sched/tests/explore.h"

static bool won[EXPLORE_CPUS]; /* did this CPU's call say that it did it? */

static struct sched_entity *se_of(unsigned task)
{
	return &m.task[task].se;
}

static unsigned winners(void)
{
	return won[0] + won[1] + won[2];
}

static void wake(unsigned cpu, unsigned task)
{
	won[cpu] = sched_wake(&m.s, se_of(task), cpu, m.now);
}

static void allow(unsigned cpu, unsigned task, uint64_t mask)
{
	struct cpumask cpus = mask_of(mask);
	int error = sched_set_affinity(&m.s, se_of(task), &cpus, cpu, m.now);

	MACHINE_EXPECT(!error || error == -ESRCH);
}

static void start_here(unsigned cpu, uint64_t mask)
{
	struct cpumask cpus = mask_of(mask);

	launch(cpu, SCHED_LEVEL_NORMAL, mask ? &cpus : NULL);
}

static void start_machine(void)
{
	memset(won, 0, sizeof(won));
	machine_start_algorithm(EXPLORE_CPUS, SCHED_POLICY_mlfq);
}

static void nothing(unsigned cpu)
{
	(void)cpu;
}

/* --- 1: a thread blocks while two CPUs wake it ------------------------------------------------ */

static void wake_block_set_up(void)
{
	start_machine();
	start_here(0, 0);
}

static void block_here(unsigned cpu)
{
	cpu_switch(cpu, SCHED_BLOCK);
}

static void wake_0(unsigned cpu)
{
	wake(cpu, 0);
}

static void wake_block_check(void)
{
	MACHINE_EXPECT(winners() <= 1);
	MACHINE_EXPECT(se_of(0)->state == (winners() ? SCHED_RUNNING : SCHED_BLOCKED));
	memset(won, 0, sizeof(won));
}

/* --- 2: two CPUs go idle while somebody queues on the third ----------------------------------- */

static void steal_wake_set_up(void)
{
	start_machine();
	start_here(0, 1);
	start_here(1, 2);
	start_here(2, 4);
	machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
}

static void start_3(unsigned cpu)
{
	sched_start(&m.s, se_of(3), cpu, m.now);
}

static void steal_wake_check(void)
{
	MACHINE_EXPECT(se_of(3)->state == SCHED_RUNNING);
}

/* --- 3: one becomes idle, one steals, one wakes what sleeps on it ----------------------------- */

static void idle_kick_set_up(void)
{
	start_machine();
	start_here(0, 3);
	start_here(1, 0);
	start_here(1, 0);
	machine_leave(0, SCHED_BLOCK);
}

static void idle_kick_check(void)
{
	MACHINE_EXPECT(won[2]);
	MACHINE_EXPECT(se_of(0)->state == SCHED_RUNNING || se_of(0)->state == SCHED_QUEUED);
	won[2] = false;
}

/* --- 4: a thread exits while two CPUs change its mask ----------------------------------------- */

static void affinity_exit_set_up(void)
{
	start_machine();
	start_here(0, 0);
	start_here(0, 0);
}

static void exit_here(unsigned cpu)
{
	cpu_switch(cpu, SCHED_EXIT);
}

static void allow_0_on_1(unsigned cpu)
{
	allow(cpu, 0, 2);
}

static void allow_0_on_2(unsigned cpu)
{
	allow(cpu, 0, 4);
}

static void affinity_exit_check(void)
{
	MACHINE_EXPECT(se_of(0)->state == SCHED_DEAD || se_of(1)->state == SCHED_DEAD);
}

/* --- 5: a sleeper is woken while its mask changes twice --------------------------------------- */

static void affinity_wake_set_up(void)
{
	start_machine();
	start_here(0, 1);
	start_here(0, 1);
	machine_leave(0, SCHED_BLOCK);
	start_here(1, 2);
}

static void affinity_wake_check(void)
{
	MACHINE_EXPECT(won[0]);
	MACHINE_EXPECT(se_of(0)->state == SCHED_RUNNING || se_of(0)->state == SCHED_QUEUED);
	MACHINE_EXPECT(cpumask_test(&se_of(0)->affinity, cpu_of(se_of(0))));
	won[0] = false;
}

/* --- 6: suspended, woken and resumed at once: how a kill reaches its victim ------------------- */

static void kill_set_up(void)
{
	start_machine();
	start_here(0, 0);
	start_here(0, 1);
	machine_leave(0, SCHED_BLOCK);
}

static void stop_0(unsigned cpu)
{
	int error = sched_stop(&m.s, se_of(0), m.now);

	MACHINE_EXPECT(!error || error == -EAGAIN);
	won[cpu] = !error;
}

static void resume_0(unsigned cpu)
{
	won[cpu] = sched_resume(&m.s, se_of(0), cpu, m.now);
}

/* The one wake-up is not lost: the thread runs, or it is stopped and will. */
static void kill_check(void)
{
	const struct sched_entity *se = se_of(0);

	MACHINE_EXPECT(won[2]);
	if (se->state == SCHED_STOPPED)
		MACHINE_EXPECT(won[0] && !won[1] && se->runnable_at_resume);
	else
		MACHINE_EXPECT(se->state == SCHED_RUNNING || se->state == SCHED_QUEUED);
	memset(won, 0, sizeof(won));
}

/* --- 7: a CPU is handed over to a sleeper that another CPU wakes ------------------------------ */

static void hand_over_set_up(void)
{
	start_machine();
	start_here(0, 0);
	machine_leave(0, SCHED_BLOCK);
	start_here(0, 0);
}

static void hand_over_to_0(unsigned cpu)
{
	struct sched_rq *rq = &m.rq[cpu];

	arch_host_become(cpu);
	spin_lock(&rq->lock);
	sched_switch_waking(rq, SCHED_BLOCK, se_of(0), m.now);
	sched_switch_tail(rq);
}

static void hand_over_check(void)
{
	MACHINE_EXPECT(se_of(0)->state == SCHED_RUNNING || se_of(0)->state == SCHED_QUEUED);
	MACHINE_EXPECT(se_of(1)->state == SCHED_BLOCKED);
	memset(won, 0, sizeof(won));
}

/* --- 8: urgency is inherited and handed back while the thread changes CPU --------------------- */

static void inherit_set_up(void)
{
	start_machine();
	start_here(0, 1);
	start_here(0, 1);
	start_here(1, 2);
}

static void inherit_and_hand_back(unsigned cpu)
{
	sched_inherit(&m.s, se_of(1), SCHED_URGENCY_TS, cpu, m.now);
	sched_inherit(&m.s, se_of(1), SCHED_URGENCY_NONE, cpu, m.now);
}

static void allow_1_anywhere(unsigned cpu)
{
	allow(cpu, 1, 7);
}

static void inherit_check(void)
{
	MACHINE_EXPECT(se_of(1)->urgency == se_of(1)->own_urgency);
	MACHINE_EXPECT(se_of(1)->inherited == SCHED_URGENCY_NONE);
}

/* --- 9: a running thread is driven off its CPU while that goes idle --------------------------- */

static void move_set_up(void)
{
	start_machine();
	start_here(0, 0);
	start_here(1, 0);
}

static void yield_here(unsigned cpu)
{
	if (!cpu_idle(cpu))
		cpu_switch(cpu, SCHED_YIELD);
}

static void move_check(void)
{
	MACHINE_EXPECT(se_of(0)->state == SCHED_RUNNING || se_of(0)->state == SCHED_QUEUED);
	MACHINE_EXPECT(cpumask_test(&se_of(0)->affinity, cpu_of(se_of(0))));
}

/* --- 10: three CPUs start threads at once: each idle CPU is taken once ------------------------ */

static void claim_set_up(void)
{
	start_machine();
	for (unsigned i = 0; i < EXPLORE_CPUS; i++)
		machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
}

static void start_own(unsigned cpu)
{
	sched_start(&m.s, se_of(cpu), cpu, m.now);
}

static void claim_check(void)
{
	for (unsigned i = 0; i < EXPLORE_CPUS; i++)
		MACHINE_EXPECT(se_of(i)->state == SCHED_RUNNING);
}

/* --- 11: the algorithm changes while one wakes and another is stolen -------------------------- */

static void change_set_up_from(enum sched_policy_id from, enum sched_policy_id to)
{
	struct sched_config config;

	memset(won, 0, sizeof(won));
	machine_start_algorithm(EXPLORE_CPUS, from);
	start_here(0, 1);
	machine_leave(0, SCHED_BLOCK);
	start_here(1, 2);
	start_here(2, 6);
	start_here(2, 6);
	config = m.s.config;
	config.algorithm = to;
	MACHINE_EXPECT(!sched_set_config(&m.s, &config));
}

static void change_to_tree_set_up(void)
{
	change_set_up_from(SCHED_POLICY_mlfq, SCHED_POLICY_priority);
}

static void change_to_list_set_up(void)
{
	change_set_up_from(SCHED_POLICY_edf, SCHED_POLICY_mlfq);
}

static void change_cpus(unsigned cpu)
{
	while (sched_change_cpus(&m.s, cpu, m.now))
		;
}

/* Nobody is lost: the sleeper is awake, and CPU 1 has taken who waited on CPU 2. */
static void change_check(void)
{
	for (unsigned i = 0; i < 4; i++) {
		const struct sched_entity *se = se_of(i);

		if (i == 1)
			MACHINE_EXPECT(se->state == SCHED_BLOCKED);
		else
			MACHINE_EXPECT(se->state == SCHED_RUNNING);
	}
	for (unsigned cpu = 0; cpu < EXPLORE_CPUS; cpu++)
		MACHINE_EXPECT(m.rq[cpu].ts == sched_policies[m.s.config.algorithm]);
	MACHINE_EXPECT(won[2]);
	memset(won, 0, sizeof(won));
}

/* --- 12: a thread is created and started while the algorithm changes ---------------------------
 */

static void create_set_up(void)
{
	start_machine();
	start_here(1, 2);
	memset(se_of(1), 0, sizeof(*se_of(1)));
}

static void change_to_tree(unsigned cpu)
{
	struct sched_config config = m.s.config;

	config.algorithm = SCHED_POLICY_priority;
	MACHINE_EXPECT(!sched_set_config(&m.s, &config));
	change_cpus(cpu);
}

static void create_1(unsigned cpu)
{
	struct sched_params params = {.level = SCHED_LEVEL_NORMAL};

	MACHINE_EXPECT(!sched_attach(&m.s, se_of(1), &params, m.now));
	sched_start(&m.s, se_of(1), cpu, m.now);
	m.tasks = 2;
}

static void create_check(void)
{
	MACHINE_EXPECT(se_of(1)->state == SCHED_RUNNING);
}

/* --- 13: a thread is given a reservation while its mask changes --------------------------------
 */

static void reserve_set_up(void)
{
	start_machine();
	start_here(0, 0);
	start_here(1, 0);
}

static void reserve_for_0(unsigned cpu)
{
	struct sched_params params = {
		.kind = SCHED_KIND_DL, .runtime = NSEC_PER_MSEC, .period = 10 * NSEC_PER_MSEC};

	MACHINE_EXPECT(!sched_set_params(&m.s, se_of(0), &params, cpu, m.now));
}

/* It comes too late where the other CPU is promised already. */
static void try_0_on_1(unsigned cpu)
{
	struct cpumask cpus = mask_of(2);

	won[cpu] = !sched_set_affinity(&m.s, se_of(0), &cpus, cpu, m.now);
}

static void reserve_check(void)
{
	MACHINE_EXPECT(cpumask_test(&se_of(0)->affinity, se_of(0)->bound));
	MACHINE_EXPECT(cpu_of(se_of(0)) == se_of(0)->bound);
	MACHINE_EXPECT(se_of(0)->bound == 1 || !won[2]);
	won[2] = false;
}

/* --------------------------------------------------------------------------------------------- */

#define PROTOCOL(id, setup, cpu0, cpu1, cpu2, at_rest)                                             \
	static void id(void **state)                                                               \
	{                                                                                          \
		static const struct protocol protocol = {#id, setup, {cpu0, cpu1, cpu2}, at_rest}; \
		(void)state;                                                                       \
		explore(&protocol);                                                                \
	}

PROTOCOL(wake_against_block, wake_block_set_up, block_here, wake_0, wake_0, wake_block_check)
PROTOCOL(steal_against_wake, steal_wake_set_up, start_3, block_here, block_here, steal_wake_check)
PROTOCOL(idle_against_kick, idle_kick_set_up, nothing, block_here, wake_0, idle_kick_check)
PROTOCOL(affinity_against_exit, affinity_exit_set_up, exit_here, allow_0_on_1, allow_0_on_2,
	affinity_exit_check)
PROTOCOL(affinity_against_wake, affinity_wake_set_up, wake_0, allow_0_on_1, allow_0_on_2,
	affinity_wake_check)
PROTOCOL(stop_against_wake_and_resume, kill_set_up, stop_0, resume_0, wake_0, kill_check)
PROTOCOL(hand_over_against_wake, hand_over_set_up, hand_over_to_0, wake_0, allow_0_on_2,
	hand_over_check)
PROTOCOL(inherit_against_move, inherit_set_up, inherit_and_hand_back, block_here, allow_1_anywhere,
	inherit_check)
PROTOCOL(move_against_idle, move_set_up, allow_0_on_2, block_here, allow_0_on_1, move_check)
PROTOCOL(yield_against_move, move_set_up, yield_here, allow_0_on_2, allow_0_on_1, move_check)
PROTOCOL(claims_of_idle_cpus, claim_set_up, start_own, start_own, start_own, claim_check)
PROTOCOL(change_to_tree_against_wake_and_block, change_to_tree_set_up, change_cpus, block_here,
	wake_0, change_check)
PROTOCOL(change_to_list_against_wake_and_block, change_to_list_set_up, change_cpus, block_here,
	wake_0, change_check)
PROTOCOL(create_against_change, create_set_up, change_to_tree, create_1, nothing, create_check)
PROTOCOL(reserve_against_affinity, reserve_set_up, reserve_for_0, block_here, try_0_on_1,
	reserve_check)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wake_against_block),
		cmocka_unit_test(steal_against_wake),
		cmocka_unit_test(idle_against_kick),
		cmocka_unit_test(affinity_against_exit),
		cmocka_unit_test(affinity_against_wake),
		cmocka_unit_test(stop_against_wake_and_resume),
		cmocka_unit_test(hand_over_against_wake),
		cmocka_unit_test(inherit_against_move),
		cmocka_unit_test(move_against_idle),
		cmocka_unit_test(yield_against_move),
		cmocka_unit_test(claims_of_idle_cpus),
		cmocka_unit_test(change_to_tree_against_wake_and_block),
		cmocka_unit_test(change_to_list_against_wake_and_block),
		cmocka_unit_test(create_against_change),
		cmocka_unit_test(reserve_against_affinity),
	};

	cmocka_set_test_filter(getenv("MOS_TEST")); /* NULL: all */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
