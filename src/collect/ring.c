/* SPDX-License-Identifier: MIT */
#include "collect/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "base/error.h"

static int fail_map(int err)
{
	return fail(err, "cannot map a ring buffer: %m");
}

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int ring_open(struct ring *ring, int map)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	size_t page = page_bytes();
	uint8_t *pages;

	*ring = (struct ring){ 0 };
	if (bpf_obj_get_info_by_fd(map, &info, &len))
		return fail(-errno, "cannot examine a ring buffer: %m");
	pages = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (pages == MAP_FAILED)
		return fail_map(-errno);
	ring->consumer = (void *)pages;
	ring->bytes = info.max_entries;
	pages = mmap(NULL, page + ring->bytes, PROT_READ, MAP_SHARED, map, (off_t)page);
	if (pages == MAP_FAILED)
		return fail_map(-errno);
	ring->producer = (void *)pages;
	ring->data = pages + page;
	return 0;
}

void ring_close(struct ring *ring)
{
	if (ring->consumer)
		munmap(ring->consumer, page_bytes());
	if (ring->producer)
		munmap((void *)ring->producer, page_bytes() + ring->bytes);
	vec_done(&ring->wrapped);
	*ring = (struct ring){ 0 };
}

/* The bytes at a place, which is taken modulo the size; NULL without memory. */
static const uint8_t *bytes_at(struct ring *ring, uint64_t at, size_t len)
{
	uint64_t place = at & (ring->bytes - 1), first = ring->bytes - place;

	if (len <= first)
		return ring->data + place;
	ring->wrapped.len = 0;
	if (vec_reserve(&ring->wrapped, len))
		return NULL;
	memcpy(ring->wrapped.data, ring->data + place, first);
	memcpy(ring->wrapped.data + first, ring->data, len - first);
	return ring->wrapped.data;
}

int ring_read(struct ring *ring, int (*each)(void *context, const void *bytes, size_t len),
	      void *context, bool *ret_is_whole)
{
	uint64_t until = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE), at = *ring->consumer;
	int err = 0;

	*ret_is_whole = true;
	while (!err && at < until) {
		/* A head never wraps: it is as large as what records are aligned to. */
		const void *head = ring->data + (at & (ring->bytes - 1));
		uint32_t word = __atomic_load_n((const uint32_t *)head, __ATOMIC_ACQUIRE);
		size_t len = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		const uint8_t *bytes;

		if (word & BPF_RINGBUF_BUSY_BIT || len > ring->bytes) {
			*ret_is_whole = false;
			break;
		}
		if (!(word & BPF_RINGBUF_DISCARD_BIT)) {
			bytes = bytes_at(ring, at + BPF_RINGBUF_HDR_SZ, len);
			err = bytes ? each(context, bytes, len) : -ENOMEM;
		}
		at += (BPF_RINGBUF_HDR_SZ + len + 7) / 8 * 8;
		__atomic_store_n(ring->consumer, at, __ATOMIC_RELEASE);
	}
	return err;
}
