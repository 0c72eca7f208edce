/* SPDX-License-Identifier: MIT */
/*
 * What the scheduler schedules, where it queues, and what it reports. Included by sched/sched.h.
 *
 * Letters on the fields say who may touch them:
 *	(c) constant once the entity is attached or the CPU is on line
 *	(r) the lock of the run queue that se->rq names, or of the run queue itself
 *	(o) written under that lock by the CPU that owns the run queue, which reads it without
 *	(l) this CPU only, interrupts off
 *	(a) atomic: read without a lock; the comment says who writes
 *	(m) the embedder's admission lock
 *	(e) the embedder's
 */
#ifndef SCHED_ENTITY_H
#define SCHED_ENTITY_H

struct sched;
struct sched_rq;
struct sched_policy;

/* Levels of time sharing (rule S1.5): 0 best. The named ones are the original design's. */
#define SCHED_LEVEL_COUNT    40
#define SCHED_LEVEL_CRITICAL 0
#define SCHED_LEVEL_HIGH     10
#define SCHED_LEVEL_NORMAL   20
#define SCHED_LEVEL_LOW      30
#define SCHED_LEVEL_IDLE     39

/*
 * Rank: class and level in one number, 0 most urgent. It is the index of the list an entity queues
 * on, the number that decides preemption, and the order in which waiters are woken. A LEVELS policy
 * owns a range of ranks, a TREE policy exactly one, SCHED_RANK_TS.
 */
#define SCHED_RANK_COUNT         128
#define SCHED_RANK_DL            0   /* reservations, by deadline: a tree */
#define SCHED_RANK_FP            1   /* first rank of the fixed priorities: 99 is here, 1 at 99 */
#define SCHED_RANK_HANDOVER      100 /* time sharing by an algorithm that was: a turn each */
#define SCHED_RANK_TS            101 /* first rank of the time-sharing class */
#define SCHED_RANK_IDLE          127 /* the idle entity alone */
#define SCHED_NO_CPU             CONFIG_MAX_CPUS
#define SCHED_NO_GENERATION      0u          /* is never that of a configuration */
#define SCHED_GENERATION_CHANGES UINT32_MAX  /* nor is this, which no run queue has either */
#define SCHED_PERIOD_MAX         (1ll << 60) /* of D and T: 36 years */
#define SCHED_NO_JOB             (-1ll)      /* no release yet: the next time it is runnable */

/* Kinds of neighbourhood in struct sched_cpu_place, and classes of load: see sched/index.h. */
#define SCHED_NEAR_COUNT   4
#define SCHED_LOAD_CLASSES 128

/*
 * Urgency: class and level as a thread was given them, 0 most urgent. Those who wait for something
 * queue by it, and priority inheritance passes it on (rule S9.2). Unlike rank and key it does not
 * depend on what the system algorithm makes of a level.
 */
#define SCHED_URGENCY_TS   100 /* of level 0 of time sharing; a level each from there */
#define SCHED_URGENCY_IDLE 254
#define SCHED_URGENCY_NONE 255 /* nothing inherited */

/* What an entity is to its embedder. From SCHED_KIND_RM on it has a reservation on one CPU. */
enum sched_kind {
	SCHED_KIND_TS,   /* time sharing by the system algorithm */
	SCHED_KIND_FIFO, /* a fixed priority; runs until it leaves */
	SCHED_KIND_RR,   /* a fixed priority; takes turns with its equals */
	SCHED_KIND_RM,   /* rate-monotonic: C of every T within D, a priority by its period */
	SCHED_KIND_DL,   /* a reservation: C of every T, within D of each release */
	SCHED_KIND_COUNT,
};

#define SCHED_PRIORITY_MAX 99 /* of fixed priorities: the most urgent; 1 is the least */

/*
 * Handed in by the embedder; copied. What is not stated is 0. Of time sharing, a deadline and a
 * period are used by the algorithm `edf` and kept under the others. D without T: each wake-up
 * begins a job; T without D: D = T.
 */
struct sched_params {
	enum sched_kind kind;
	unsigned level;                 /* 0 .. 39, used by TS, kept by the others */
	unsigned priority;              /* FIFO and RR: 1 .. 99, as POSIX has it */
	ktime_t runtime;                /* C, ns a job may take: 1 to D */
	ktime_t deadline;               /* D, ns after the release of a job; at most T */
	ktime_t period;                 /* T, ns between two releases */
	const struct cpumask *affinity; /* NULL: every CPU, those that come on line later too */
};

/*
 * Where a CPU sits: CPUs with the same number share the core, the last cache, the package, the
 * memory node. A number means one such thing in the whole machine.
 */
struct sched_cpu_place {
	unsigned core;
	unsigned cache;
	unsigned package;
	unsigned node;
};

/* A set of CPUs that is looked through without a lock: 64 CPUs at a time. */
struct sched_cpu_set {
	_Atomic uint64_t words;     /* (a) bit i: word i of the mask is not 0 */
	struct cpumask_atomic cpus; /* (a) */
};

#define SCHED_BANDWIDTH_ONE (1u << 20) /* a whole CPU */

/* How reservations are admitted (rule S6.1). */
enum sched_admission {
	SCHED_ADMIT_DENSITY, /* the sum of C / min(D, T) is at most 0.95 */
	SCHED_ADMIT_EXACT,   /* or the demand of any interval fits into it */
	SCHED_ADMIT_ALL,     /* whatever is asked for: overload is possible */
};

/* The original design's scheduler_config. */
struct sched_config {
	enum sched_policy_id algorithm; /* what time sharing uses (rule S1.2) */
	ktime_t quantum;                /* Normal's; the other levels scale with it (rule S1.6) */
	ktime_t balance_interval;       /* the longest a CPU may idle beside a waiting entity */
	bool affinity;                  /* masks may be set */
	bool balancing;                 /* queued entities may change CPU */
	ktime_t aging;                  /* `priority`: waiting for so long is worth one level */
	ktime_t boost_interval;         /* `mlfq`: so often everything returns to the top */
	enum sched_admission admission;
	ktime_t overhead; /* of a job, added to C: two switches, two interrupts */
};

/*
 * How often something lasted how long: bucket 0 below 1 µs, bucket i below 2^i µs, the last one all
 * the rest.
 */
#define SCHED_BUCKETS 24
struct sched_histogram {
	uint32_t count[SCHED_BUCKETS];
	ktime_t longest;
};

/*
 * From a wake-up or start until it runs, wherever it was queued meanwhile: bucket i from 2^i up to
 * 2^(i+1) ns, the first one from 0.
 */
#define SCHED_LATENCY_BUCKETS 64
#define SCHED_NOT_WOKEN       (-1ll)

/* Per entity. Times are exact up to `since`; the sum of time[] is since - created. */
struct sched_entity_stats {
	ktime_t time[SCHED_DEAD];               /* (r) ns spent in each state but the last */
	uint64_t switches[SCHED_LEAVING_COUNT]; /* (r) times it left a CPU to another */
	uint64_t wakeups;                       /* (r) from BLOCKED, and the start */
	uint64_t migrations;                    /* (r) changes of run queue */
	uint64_t steals;                        /* (r) those of them made by an idle CPU */
	uint32_t misses;                        /* (r) jobs not done at their deadline */
	uint32_t overruns;                      /* (r) jobs that used up their budget */
};

/* Per run queue. */
struct sched_rq_stats {
	uint64_t switches[SCHED_REASON_COUNT];   /* (r) entities that left this CPU, by reason */
	uint64_t wakeups;                        /* (r) entities woken to this run queue */
	uint64_t migrations;                     /* (r) entities that came from another run queue */
	uint64_t steals;                         /* (r) those of them this CPU took when idle */
	uint64_t kicks;                          /* (r) times another CPU asked for a look */
	uint64_t balances;                       /* (r) periodic looks at the other CPUs' loads */
	uint64_t pushes;                         /* (r) entities that went elsewhere at one */
	struct sched_histogram idle_beside;      /* (r) idled so long beside one it then took */
	uint32_t latency[SCHED_LATENCY_BUCKETS]; /* (r) from wake-up to run here, if trace is set */
};

/* Embedded in the embedder's thread. All zero before its first sched_attach(). */
struct sched_entity {
	struct list_node node;              /* (r) on its run queue's level[rank] when QUEUED */
	struct rb_node tree_node;           /* (r) or, by a TREE policy, in its run queue's tree */
	_Atomic(struct sched_rq *) rq;      /* (a) changes only with both run queues locked */
	const struct sched_policy *policy;  /* (r) */
	enum sched_state state;             /* (r) */
	uint8_t kind;                       /* (r) enum sched_kind, as given */
	bool move_pending;                  /* (r) runs where it may not; leaves at its switch */
	bool overridden;                    /* (r) no CPU of its mask is on line: all are allowed */
	bool late;                          /* (r) the present job is counted in stats.misses */
	uint8_t rank;                       /* (r) changes only while not queued */
	uint8_t ts_rank;                    /* (r) what rank was when it was last in time sharing */
	uint8_t level;                      /* (r) 0 .. 39, as inherited if that is better */
	uint8_t own_level;                  /* (r) as it was given */
	uint8_t urgency;                    /* (r) the more urgent of the next two */
	uint8_t own_urgency;                /* (r) as it was given last */
	uint8_t inherited;                  /* (r) of those who wait for it, or NONE */
	bool runnable_at_resume;            /* (r) STOPPED: resumed to runnable, else BLOCKED */
	uint16_t pinned;                    /* (r) the only CPU where it may run, or SCHED_NO_CPU */
	uint16_t bound;                     /* (m) the CPU of its reservation, or SCHED_NO_CPU */
	uint32_t generation;                /* (r) of the configuration that it goes by */
	ktime_t created;                    /* (c) */
	ktime_t since;                      /* (r) when its time was last accounted */
	ktime_t woken_at;                   /* (r) and has not run since, or SCHED_NOT_WOKEN */
	ktime_t quantum;                    /* (r) of a fresh slice */
	ktime_t slice;                      /* (r) what is left of its turn while it does not run */
	ktime_t key;                        /* (r) TREE: the smallest is next */
	uint64_t sequence;                  /* (r) TREE: decides between equal keys */
	ktime_t ages_from;                  /* (r) `priority`: when its age was 0 */
	ktime_t charged_from;               /* (r) `mlfq`, DL: time[RUNNING] as its account began */
	uint64_t epoch;                     /* (r) `mlfq`: the boost that its level is of */
	ktime_t runtime;                    /* (r) C; 0: none */
	ktime_t deadline;                   /* (r) D, relative; 0: none */
	ktime_t period;                     /* (r) T; 0: none */
	ktime_t release;                    /* (r) of its present job, or SCHED_NO_JOB */
	struct sched_entity *next_reserved; /* (m) bound to the same CPU */
	struct cpumask affinity;            /* (r) */
	struct sched_entity_stats stats;    /* (r) */
};

/* What sched_switch_tail() has to do besides dropping the lock; one byte, tested once. */
enum sched_tail {
	SCHED_TAIL_PUSH = 1,     /* rq->push has left this CPU and is to be placed */
	SCHED_TAIL_WAKE = 2,     /* rq->wake is to be woken */
	SCHED_TAIL_TIMER = 4,    /* somebody is held: the timer may be too late */
	SCHED_TAIL_EMBEDDER = 8, /* this bit and those above are the embedder's */
};

/* Bandwidth that an entity has given up and that comes back at its 0-lag time (rule S6.4). */
#define SCHED_RETURNS 8
struct sched_return {
	uint64_t density; /* in SCHED_BANDWIDTH_ONE, rounded up */
	ktime_t at;
};

/* One per CPU, placed by the embedder. */
struct sched_rq {
	struct list level[SCHED_RANK_COUNT]; /* (r) QUEUED by rank; first: the shortest address */
	struct spinlock lock;
	_Atomic bool need_resched;    /* (a) written under the lock; sched_switch() is due */
	_Atomic uint8_t curr_rank;    /* (a) under the lock: of curr, or who preempts it */
	bool indexed;                 /* (r) is in the sets of sched/index.h */
	uint8_t index_rank;           /* (r) the rank it runs; idle, that it ran last */
	uint8_t index_load;           /* (r) class of nr_runnable */
	bool trace;                   /* (r) the embedder's: call sched_env_trace_*() */
	uint8_t tail;                 /* (r) enum sched_tail: left to do after a switch */
	_Atomic unsigned nr_runnable; /* (a) under the lock: queued or running, not idle */
	struct rb_tree tree;          /* (r) QUEUED at SCHED_RANK_TS by key, of a TREE policy */
	struct rb_tree deadlines;     /* (r) QUEUED at SCHED_RANK_DL by deadline */
	struct rb_tree held;          /* (r) THROTTLED by when they may go on */
	uint64_t sequence;            /* (r) the last one given out */
	uint64_t epoch;               /* (r) number of the last boost */
	ktime_t boost_at;             /* (r) `mlfq`: when the next one is due */
	struct sched_entity *curr;    /* (o) whose turn it is */
	ktime_t clock;                /* (r) latest time seen here; never goes back */
	ktime_t slice_end;            /* (r) of curr's turn; KTIME_MAX: no end */
	ktime_t timer_at;             /* (r) what sched_env_set_timer() was told last */
	ktime_t balance_at;           /* (r) when to balance next; KTIME_MAX: never */
	struct sched_entity *push;    /* (r) with SCHED_TAIL_PUSH */
	struct sched_entity *wake;    /* (r) with SCHED_TAIL_WAKE */
	uint64_t ready[BITMAP_WORDS(SCHED_RANK_COUNT)]; /* (r) ranks whose list has somebody */
	struct sched_entity *idle;                      /* (c) */
	struct sched *sched;                            /* (c) */
	unsigned cpu;                                   /* (c) */
	unsigned takes;      /* (r) cpu while on line, else SCHED_NO_CPU + 1 */
	bool drains;         /* (r) off line, and some who were here are here yet */
	uint32_t generation; /* (r) of its configuration; SCHED_NO_GENERATION: on the way to it */
	const struct sched_policy *ts;                /* (r) what time sharing uses here */
	struct sched_config config;                   /* (r) what this CPU goes by */
	_Atomic bool solitary;                        /* (a) no other CPU has ever been on line */
	ktime_t started;                              /* (c) when the CPU came on line */
	struct sched_rq_stats stats;                  /* (r) */
	struct sched_entity *reservations;            /* (m) the first of the entities bound here */
	struct sched_return returning[SCHED_RETURNS]; /* (m) */
	unsigned near_count;                   /* (c) neighbourhoods smaller than the machine */
	struct cpumask near[SCHED_NEAR_COUNT]; /* (c) the smallest first, each in the next */
};

/* One for the machine, placed by the embedder. */
struct sched {
	struct sched_config config; /* (m) what was asked for last; each CPU has what it goes by */
	_Atomic(const struct sched_policy *) ts; /* (a) the system algorithm; written under (m) */
	_Atomic uint32_t generation;             /* (a) of the configuration, after ts */
	_Atomic ktime_t quantum[SCHED_LEVEL_COUNT]; /* (a) by level; written under (m) */
	_Atomic bool affinity, balancing;           /* (a) of the configuration */
	unsigned changing; /* (m) the next CPU that is to hear of it; SCHED_NO_CPU: none */
	struct cpumask_atomic online;         /* (a) a bit changes under its run queue's lock */
	struct cpumask_atomic idle;           /* (a) CPUs that halt; who clears a bit must kick */
	_Atomic unsigned nr_online;           /* (a) */
	_Atomic unsigned nr_idle;             /* (a) bits set in idle */
	_Atomic unsigned cpu_end;             /* (a) highest CPU on line plus one */
	struct sched_rq *rq[CONFIG_MAX_CPUS]; /* (c) once the CPU's bit in online is set */
	struct sched_rq *first;               /* (c) of the first CPU; home of who is not started */
	struct cpumask all;                   /* (c) every CPU there can be */
	const struct sched_cpu_place *place;  /* (c) by CPU; NULL: all are equally near */
	unsigned places;                      /* (c) how many of them */
	struct sched_cpu_set urgency[SCHED_RANK_IDLE]; /* (a) CPUs by the rank they run */
	struct sched_cpu_set load[SCHED_LOAD_CLASSES]; /* (a) and by how many they have */
	struct sched_cpu_set waiting;                  /* (a) those where somebody waits */
};

/* What sched_env_trace_*() are told. */
enum sched_event_kind {
	SCHED_EVENT_SWITCH,  /* an entity left the CPU to another */
	SCHED_EVENT_WAKE,    /* se became runnable on rq, woken by CPU `from` */
	SCHED_EVENT_MIGRATE, /* se came to rq from CPU `from` */
	SCHED_EVENT_MISS,    /* the present job of se is not done, and its deadline is over */
	SCHED_EVENT_HOLD,    /* se has to wait for its next period */
	SCHED_EVENT_RELEASE, /* which has begun */
	SCHED_EVENT_COUNT,
};

#endif
