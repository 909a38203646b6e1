/* SPDX-License-Identifier: MIT */
#include "collect/cpu/waits.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/skel_internal.h>

#include "base/clock.h"
#include "base/error.h"

#include "collect/cpu/blocks-old.lskel.h"
#include "collect/cpu/blocks.lskel.h"

#define READ_BYTES 65536 /* the kernel hands out at most half of that at once */

struct waits {
	struct collect_cpu_blocks *blocks;         /* these two are one program */
	struct collect_cpu_blocks_old *blocks_old; /* for two kernels */
	int switched, begin, first, last;          /* programs */
	u64 *stopped_at;
	vec(int) links;
};

#define take_skeleton(waits, which, ret_programs)                                  \
	do {                                                                       \
		(waits)->switched = (waits)->which->progs.cpu_blocks.prog_fd;      \
		(waits)->begin = (waits)->which->progs.cpu_begin.prog_fd;          \
		(waits)->first = (waits)->which->progs.cpu_standing_first.prog_fd; \
		(waits)->last = (waits)->which->progs.cpu_standing_last.prog_fd;   \
		(waits)->stopped_at = (u64 *)&(waits)->which->bss->stopped_at;     \
		*(ret_programs) = programs_of((waits)->which, cpu_blocks);         \
	} while (0)

int waits_load(const struct cpu_plan *plan, struct waits **ret_waits, struct programs *ret_programs)
{
	own(waits_freep) struct waits *waits = calloc(1, sizeof(*waits));
	int err;

	if (!waits)
		return -ENOMEM;
	/* The kernel function that puts work off has another prototype from 7.0 on; what does not
	 * fit does not load.
	 */
	waits->blocks = programs_open(plan, blocks);
	err = waits->blocks ? collect_cpu_blocks__load(waits->blocks) : -ENOMEM;
	if (!err) {
		take_skeleton(waits, blocks, ret_programs);
	} else {
		waits->blocks_old = programs_open(plan, blocks_old);
		err = waits->blocks_old ? collect_cpu_blocks_old__load(waits->blocks_old) : -ENOMEM;
		if (err)
			return err;
		take_skeleton(waits, blocks_old, ret_programs);
	}
	*ret_waits = take(waits);
	return 0;
}

/* A program whose tracepoint is part of it. */
static int attach(struct waits *waits, const char *name, int program)
{
	int fd = bpf_raw_tracepoint_open(NULL, program);

	if (fd < 0)
		return fail(fd, "cannot attach to tracepoint '%s': %m", name);
	if (vec_push(&waits->links, fd)) {
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

/* A reader of what an iterator has to say. */
static int iterate(int program, int *ret_fd)
{
	own(fd_closep) int link = bpf_link_create(program, 0, BPF_TRACE_ITER, NULL);
	int fd = link < 0 ? link : bpf_iter_create(link);

	if (fd < 0)
		return fail(fd, "cannot look at all threads: %m");
	*ret_fd = fd;
	return 0;
}

/* Hands on the records of one read; none is split. */
static int take_all(struct records *records, const char *bytes, size_t len)
{
	size_t at = 0, record;
	int err = 0;

	for (; !err && at < len; at += record) {
		record = records_length(bytes + at, len - at);
		if (!record)
			return 0;
		err = records_take(records, bytes + at, record);
	}
	return err;
}

static int read_all(int iterator, struct records *records)
{
	own(freep) char *bytes = malloc(READ_BYTES);
	ssize_t len;
	int err = bytes ? 0 : -ENOMEM;

	while (!err) {
		len = read(iterator, bytes, READ_BYTES);
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			continue; /* after a million of tasks it wants to be asked again */
		if (len < 0)
			return fail(-errno, "cannot look at all threads: %m");
		if (len == 0)
			break;
		err = take_all(records, bytes, (size_t)len);
	}
	return err;
}

int waits_start(struct waits *waits)
{
	own(fd_closep) int iterator = -1;
	int err = attach(waits, "sched_wakeup_new", waits->begin);

	err = err ?: attach(waits, "sched_switch", waits->switched);
	err = err ?: iterate(waits->first, &iterator);
	return err ?: read_all(iterator, NULL);
}

void waits_stop(struct waits *waits)
{
	vec_each(fd, &waits->links)
		close(*fd);
	waits->links.len = 0;
	__atomic_store_n(waits->stopped_at, clock_mono_ns(), __ATOMIC_RELEASE);
}

int waits_finish(struct waits *waits, struct records *records, struct batch *batch)
{
	own(fd_closep) int iterator = -1;
	int err = records_flush(records, batch);

	records_begin(records, batch);
	err = err ?: iterate(waits->last, &iterator);
	return err ?: read_all(iterator, records);
}

void waits_free(struct waits *waits)
{
	if (!waits)
		return;
	vec_each(fd, &waits->links)
		close(*fd);
	vec_done(&waits->links);
	if (waits->blocks)
		collect_cpu_blocks__destroy(waits->blocks);
	if (waits->blocks_old)
		collect_cpu_blocks_old__destroy(waits->blocks_old);
	free(waits);
}
