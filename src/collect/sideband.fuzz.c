/* SPDX-License-Identifier: MIT */
/* A ring full of records, as the kernel would leave it; the first two bytes say where it starts. */
#include "collect/sideband.h"

#include <string.h>
#include <sys/mman.h>

#define DATA_BYTES 4096u
#define TRAILER    16u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int each(void *context, const struct perf_ring *ring, const struct perf_event_header *record)
{
	struct batch *batch = context;

	(void)ring;
	return sideband_record(batch, record, TRAILER);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), start;
	struct perf_event_mmap_page *control;
	struct batch batch = { 0 };
	struct perf_ring ring = { .fd = -1, .data_bytes = DATA_BYTES };

	if (len < 2)
		return 0;
	start = (bytes[0] | (size_t)bytes[1] << 8) & ~(size_t)7;
	bytes += 2;
	len = len - 2 < DATA_BYTES ? (len - 2) & ~(size_t)7 : DATA_BYTES;
	control =
		aligned_alloc(page, page + DATA_BYTES); /* no more: reading past it must be seen */
	if (!control)
		abort();
	memset(control, 0, page + DATA_BYTES);
	for (size_t i = 0; i < len; i++)
		((uint8_t *)control)[page + ((start + i) & (DATA_BYTES - 1))] = bytes[i];
	control->data_tail = start;
	control->data_head = start + len;
	ring.mapping = control;
	if (perf_ring_drain(&ring, each, &batch) == 0)
		vec_each(event, &batch.events)
			if (event->text && event->text >= batch.text.len)
				abort();
	batch_done(&batch);
	free(control);
	return 0;
}
