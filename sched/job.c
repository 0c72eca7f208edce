/* SPDX-License-Identifier: MIT */
/*
 * Jobs of entities with a deadline whose policy keeps no budget (`edf`, rate-monotonic): which
 * release the present one is of. A yield says that it is done; a wake-up begins the job of the
 * latest release on the grid of T, or goes on with the present one inside its period. Without T
 * every wake-up and every yield is a release.
 */
#include "sched/queue.h"

static void begin(struct sched_entity *se, ktime_t release)
{
	se->release = release;
	se->late = false;
}

/* The job that a wake-up at `now` is for. */
static void release(struct sched_entity *se, ktime_t now)
{
	if (!se->period)
		begin(se, now);
	else if (now - se->release >= se->period)
		begin(se, now - (now - se->release) % se->period);
}

void sched_job_choose(struct sched_rq *rq, struct sched_entity *se, enum sched_why why, ktime_t now)
{
	if (se->release == SCHED_NO_JOB)
		begin(se, now);
	else if (why == SCHED_WHY_WAKEUP)
		release(se, now);
	sched_rq_note_miss(rq, se, now);
	if (why == SCHED_WHY_YIELDED)
		begin(se, se->period ? se->release + se->period : now);
}
