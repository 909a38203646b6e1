/* SPDX-License-Identifier: MIT */
#include "session/living.h"

#include "base/error.h"
#include "collect/alive.h"
#include "collect/namespace.h"

/* Records have the numbers of the initial namespace. */
bool living_works(void)
{
	uint32_t inum = 0;

	if (namespace_of_pids(&inum) == 0)
		return !inum;
	error_clear();
	return false;
}

int living_look(uint32_t pid, uint64_t *ticks)
{
	uint64_t now = 0;
	int alive = alive_since(pid, &now);

	if (alive < 1)
		return alive;
	if (*ticks && now && now != *ticks)
		return 0;
	*ticks = now ?: *ticks;
	return 1;
}
