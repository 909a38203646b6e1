/* SPDX-License-Identifier: MIT */
/* own.h - scope-bound ownership.
 *
 * `own(maps_freep) struct maps *maps = NULL;` releases when the scope ends, whichever way it ends;
 * `return take(maps)` hands the object to the caller instead.
 */
#ifndef BASE_OWN_H
#define BASE_OWN_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define own(release) __attribute__((cleanup(release)))
#define take(object)                                 \
	({                                           \
		__typeof__(object) took_ = (object); \
		(object) = NULL;                     \
		took_;                               \
	})
#define nodiscard    __attribute__((warn_unused_result))

#define array_len(a) (sizeof(a) / sizeof((a)[0]))

/* Defines name##_freep for own(): releases *p with `release`, which accepts NULL. */
#define own_define(type, release)               \
	static inline void release##p(type **p) \
	{                                       \
		release(*p);                    \
	}

static inline void freep(void *p)
{
	free(*(void **)p);
}

/* Closes *fd if it is a descriptor (>= 0). */
static inline void fd_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Hands a descriptor to the caller: the variable no longer owns it. */
static inline int fd_take(int *fd)
{
	int took = *fd;

	*fd = -1;
	return took;
}

static inline void file_closep(FILE **file)
{
	if (*file)
		fclose(*file);
}

#endif
