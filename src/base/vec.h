/* SPDX-License-Identifier: MIT */
/* vec.h - a growable array of one type: `vec(struct frame) frames;`, zeroed at birth.
 *
 * The owner enforces its own ceiling before it pushes; vec only refuses what cannot be allocated.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/own.h"

#define vec(type)                \
	struct {                 \
		type *data;      \
		size_t len, cap; \
	}

/* Makes room for `more` further elements.  0; -ENOMEM. */
#define vec_reserve(v, more) \
	vec_grow((void **)&(v)->data, &(v)->cap, (v)->len, (more), sizeof(*(v)->data))

/* Appends one element.  0; -ENOMEM. */
#define vec_push(v, ...)                                                             \
	({                                                                           \
		int vec_err_ = vec_reserve(v, 1);                                    \
		if (!vec_err_)                                                       \
			(v)->data[(v)->len++] = (__typeof__(*(v)->data))__VA_ARGS__; \
		vec_err_;                                                            \
	})

#define vec_each(item, v) \
	for (__typeof__(*(v)->data) *item = (v)->data; item && item < (v)->data + (v)->len; item++)

#define vec_done(v)                      \
	({                               \
		free((v)->data);         \
		(v)->data = NULL;        \
		(v)->len = (v)->cap = 0; \
	})

nodiscard static inline int vec_grow(void **data, size_t *cap, size_t len, size_t more, size_t size)
{
	size_t wanted, bytes;
	void *bigger;

	if (__builtin_add_overflow(len, more, &wanted))
		return -ENOMEM;
	if (wanted <= *cap)
		return 0;
	if (wanted < *cap + *cap / 2)
		wanted = *cap + *cap / 2;
	if (wanted < 8)
		wanted = 8;
	if (__builtin_mul_overflow(wanted, size, &bytes))
		return -ENOMEM;
	bigger = realloc(*data, bytes);
	if (!bigger)
		return -ENOMEM;
	*data = bigger;
	*cap = wanted;
	return 0;
}

#endif
