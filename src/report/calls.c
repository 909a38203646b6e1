/* SPDX-License-Identifier: MIT */
#include "report/calls.h"

#include <stdlib.h>

static uint64_t weight(const struct account *account, unsigned number)
{
	const struct balance_call *call = &account->calls[number];

	return call->blocked + call->ticks * account->tick_ns;
}

static int by_weight(const void *a, const void *b, void *context)
{
	uint16_t one = *(const uint16_t *)a, other = *(const uint16_t *)b;
	uint64_t left = weight(context, one), right = weight(context, other);

	if (left != right)
		return left > right ? -1 : 1;
	return one < other ? -1 : one > other;
}

struct call_order call_order(const struct account *account)
{
	struct call_order order = { .count = 0 };

	for (unsigned i = 0; i < BALANCE_CALLS; i++) {
		order.ticks += account->calls[i].ticks;
		if (weight(account, i))
			order.numbers[order.count++] = (uint16_t)i;
	}
	qsort_r(order.numbers, order.count, sizeof(order.numbers[0]), by_weight, (void *)account);
	return order;
}
