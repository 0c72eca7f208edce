/* SPDX-License-Identifier: MIT */
/* The policies by number, for whoever names one without scheduling. */
#ifndef SCHED_POLICY_ID_H
#define SCHED_POLICY_ID_H

enum sched_policy_id {
#define POLICY(name, text) SCHED_POLICY_##name,
#include "sched/policies.def"
#undef POLICY
	SCHED_POLICY_COUNT,
};

/* The first so many can be the system algorithm, which time sharing uses (rule S1.2). */
#define SCHED_ALGORITHM_COUNT SCHED_POLICY_fp

#endif
