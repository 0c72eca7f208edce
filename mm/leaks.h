/* SPDX-License-Identifier: MIT */
/*
 * What is still allocated when it should not be. Debug builds; in a release build all find nothing.
 */
#ifndef MM_LEAKS_H
#define MM_LEAKS_H

#include "mm/site.h"

/* Declares everything that is allocated now to be meant to stay: no leak at power-off. */
void mm_keep_all(void);

/*
 * The same for one object from kmalloc() or slab_alloc(), and the opposite: whoever calls has it
 * from now on. For objects that wait in a list of their owner to be used again.
 */
static inline void mm_keep(const void *object);
static inline void mm_claim(const void *object);

/*
 * Checks every object and red zone, then logs objects and pages in use that are not meant to stay,
 * by cache and by who allocated them. Returns how many there are. No CPU may allocate meanwhile.
 */
unsigned mm_report_leaks(void);

void mm_debug_keep(const void *object);
void mm_debug_claim(const void *object);

static inline void mm_keep(const void *object)
{
	if (MM_DEBUG)
		mm_debug_keep(object);
}

static inline void mm_claim(const void *object)
{
	if (MM_DEBUG)
		mm_debug_claim(object);
}

#endif
