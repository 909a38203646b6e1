/* SPDX-License-Identifier: MIT */
#include "resolve/jit.h"

#include <string.h>

static int compare_asks(const void *a, const void *b)
{
	const struct jit_ask *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

int jit_prepare(struct jit *jit)
{
	if (jit->asks.len)
		qsort(jit->asks.data, jit->asks.len, sizeof(*jit->asks.data), compare_asks);
	jit->steps = JIT_MAX_STEPS;
	return vec_push(&jit->text, '\0'); /* name 0 is none */
}

struct jit_ask *jit_first(const struct jit *jit, uint64_t address)
{
	size_t low = 0, high = jit->asks.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (jit->asks.data[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return jit->asks.data + low;
}

int jit_name(struct jit *jit, uint64_t start, uint64_t bytes, const char *name, size_t len)
{
	struct jit_ask *ask = jit_first(jit, start), *end = jit->asks.data + jit->asks.len;
	uint32_t text = (uint32_t)jit->text.len;
	int err;

	if (!len || ask == end || ask->address - start >= bytes)
		return 0;
	len = len < JIT_NAME_BYTES ? len : JIT_NAME_BYTES - 1;
	if (jit->text.len + len + 1 > JIT_MAX_TEXT)
		return -E2BIG;
	err = vec_reserve(&jit->text, len + 1);
	if (err)
		return err;
	memcpy(jit->text.data + text, name, len);
	jit->text.data[text + len] = '\0';
	jit->text.len += len + 1;
	for (; ask < end && ask->address - start < bytes; ask++) {
		if (!jit->steps--)
			return -E2BIG;
		ask->name = text;
		ask->has_moved = false;
	}
	return 0;
}

void jit_forget(struct jit *jit)
{
	vec_each(ask, &jit->asks) {
		ask->name = 0;
		ask->has_moved = false;
	}
	jit->text.len = 1;
	jit->steps = JIT_MAX_STEPS;
}

void jit_done(struct jit *jit)
{
	vec_done(&jit->asks);
	vec_done(&jit->text);
}
