/* SPDX-License-Identifier: MIT */
#include "model/coverage.h"

#include <string.h>

int coverage_set_mode(struct coverage *coverage, const char *mode)
{
	char *copy = strdup(mode);

	if (!copy)
		return -ENOMEM;
	free(coverage->mode);
	coverage->mode = copy;
	return 0;
}

int coverage_lose(struct coverage *coverage, const char *kind, uint64_t count, uint64_t at_mono_ns)
{
	char *copy;
	int err;

	if (!count)
		return 0;
	vec_each(loss, &coverage->lost) {
		if (strcmp(loss->kind, kind) != 0)
			continue;
		loss->count += count;
		loss->last_mono_ns = at_mono_ns;
		return 0;
	}
	copy = strdup(kind);
	if (!copy)
		return -ENOMEM;
	err = vec_push(&coverage->lost,
		       (struct coverage_loss){ copy, count, at_mono_ns, at_mono_ns });
	if (err)
		free(copy);
	return err;
}

int coverage_lack(struct coverage *coverage, const char *what)
{
	char *copy;
	int err;

	vec_each(have, &coverage->not_measured)
		if (strcmp(*have, what) == 0)
			return 0;
	copy = strdup(what);
	if (!copy)
		return -ENOMEM;
	err = vec_push(&coverage->not_measured, copy);
	if (err)
		free(copy);
	return err;
}

uint64_t coverage_lost(const struct coverage *coverage)
{
	uint64_t sum = 0;

	vec_each(loss, &coverage->lost)
		sum += loss->count;
	return sum;
}

void coverage_done(struct coverage *coverage)
{
	vec_each(loss, &coverage->lost)
		free(loss->kind);
	vec_each(what, &coverage->not_measured)
		free(*what);
	vec_done(&coverage->lost);
	vec_done(&coverage->not_measured);
	free(coverage->mode);
	coverage->mode = NULL;
}
