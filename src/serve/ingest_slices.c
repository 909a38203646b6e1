/* SPDX-License-Identifier: MIT */
/* ingest_slices.c - what was sampled, and where threads waited, slice by slice of time. */
#include <string.h>

#include "base/clock.h"
#include "serve/ingest_parts.h"

void ingest_busy(void *context, uint32_t pid, const char *comm, uint64_t ns)
{
	const struct ingest *ingest = context;

	triggers_sample(incidents_triggers(ingest->incidents), pid, comm, ns);
}

uint64_t ingest_part_lost(struct ingest *ingest, const char *name)
{
	for (size_t i = 0; host_part(ingest->host, i); i++)
		if (strcmp(host_part(ingest->host, i)->name, name) == 0)
			return host_part(ingest->host, i)->lost;
	return 0;
}

/* The store knows no boot time. */
static int copy_waits(struct ingest *ingest, struct store_slice *slice)
{
	uint64_t offset = clock_unix_offset_ns();

	ingest->long_waits.len = 0;
	vec_each(wait, &ingest->waits.list) {
		struct store_wait copy = { wait->task, wait->stack, wait->from_mono_ns + offset,
					   wait->to_mono_ns + offset };
		int err = vec_push(&ingest->long_waits, copy);

		if (err)
			return err;
	}
	slice->waits = ingest->long_waits.data;
	slice->wait_count = ingest->long_waits.len;
	return 0;
}

/* One kind of what was recorded since the last slice. */
static int keep_slice(struct ingest *ingest, enum host_kind kind, struct store_slice *slice)
{
	uint64_t lost = ingest_part_lost(ingest, kind == HOST_WAITS ? "waits" : "profile");
	int err = host_choose(ingest->host, kind, &ingest->waits);

	slice->lost = lost - ingest->slice_lost[kind];
	ingest->slice_lost[kind] = lost;
	if (err <= 0)
		return err;
	slice->kind = kind == HOST_WAITS ? STORE_WAITS : STORE_SAMPLES;
	slice->min_wait_ns = ingest->next.min_wait_ms * NS_PER_MS;
	err = copy_waits(ingest, slice);
	err = err ?: store_add_slice(ingest->store, slice);
	slice->is_new = false; /* once for both */
	return err;
}

void ingest_begin_slice(struct ingest *ingest)
{
	ingest->slice_from_unix_ns = clock_unix_ns();
	ingest->slice_due_ns = clock_mono_ns() + ingest->config->profile.slice_s * NS_PER_S;
}

int ingest_end_slice(struct ingest *ingest, bool is_last)
{
	const struct profile *profile;
	int err = host_each_busy(ingest->host, ingest_busy, ingest);

	err = err < 0 ? err : host_take_profile(ingest->host, is_last, &profile);
	if (!err && profile) {
		struct store_slice slice = {
			.profile = profile,
			.from_unix_ns = ingest->slice_from_unix_ns,
			.to_unix_ns = clock_unix_ns(),
			.is_new = ingest->is_new_profile,
		};

		for (int kind = 0; !err && kind < HOST_KIND_COUNT; kind++)
			err = keep_slice(ingest, (enum host_kind)kind, &slice);
		ingest->slice_from_unix_ns = slice.to_unix_ns;
	}
	ingest->is_new_profile = !profile;
	if (!err && profile)
		err = host_end_slice(ingest->host, &ingest->is_new_profile);
	/* Between two recordings there is nothing. */
	if (ingest->is_new_profile)
		ingest_begin_slice(ingest);
	else
		ingest->slice_due_ns = clock_mono_ns() + ingest->config->profile.slice_s * NS_PER_S;
	return err;
}
