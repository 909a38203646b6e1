/* SPDX-License-Identifier: MIT */
#include "store/stack_sums.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "model/profile.h"

void stack_sums_done(struct stack_sums *sums)
{
	vec_done(&sums->list);
	vec_done(&sums->first);
}

static int make_room(struct stack_sums *sums, size_t stack)
{
	size_t more = stack + 1 - sums->first.len;
	int err = vec_reserve(&sums->first, more);

	if (err)
		return err;
	memset(sums->first.data + sums->first.len, 0, more * sizeof(*sums->first.data));
	sums->first.len = stack + 1;
	return 0;
}

int stack_sums_new(struct stack_sums *sums, int64_t task, int64_t stack, uint32_t *ret_place)
{
	struct stack_sum sum = { .task = (uint32_t)task, .stack = (uint32_t)stack };
	int err = 0;

	if (task <= 0 || task > UINT32_MAX / 2 || stack <= 0 || stack > UINT32_MAX / 2)
		return fail(-EUCLEAN, "the store has a profile that makes no sense");
	if (sums->list.len >= PROFILE_MAX_ENTRIES)
		return -E2BIG;
	if ((size_t)stack >= sums->first.len)
		err = make_room(sums, (size_t)stack);
	sum.next = err ? 0 : sums->first.data[stack];
	err = err ?: vec_push(&sums->list, sum);
	if (err)
		return err;
	sums->first.data[stack] = *ret_place = (uint32_t)sums->list.len;
	return 0;
}
