/* SPDX-License-Identifier: MIT */
#include "collect/cpu/waits.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/skel_internal.h>

#include "base/clock.h"
#include "base/error.h"
#include "collect/kernel_btf.h"

#include "collect/cpu/blocks-now.lskel.h"
#include "collect/cpu/blocks-old.lskel.h"
#include "collect/cpu/blocks.lskel.h"

#define READ_BYTES 65536 /* the kernel hands out at most half of that at once */

struct waits {
	struct collect_cpu_blocks *blocks; /* one of these three */
	struct collect_cpu_blocks_old *blocks_old;
	struct collect_cpu_blocks_now *blocks_now;
	int switched, begin, first, last; /* programs */
	int waking;                       /* likewise; -1: not wanted */
	u64 *stopped_at;
	vec(int) links;
};

/* From the run queue of a CPU to other variables of it. */
struct offsets {
	s64 preempt_count, irq_regs;
};

#define set_offsets(skeleton, offsets)                                                \
	((skeleton)->rodata->options.preempt_count_offset = (offsets)->preempt_count, \
	 (skeleton)->rodata->options.queue_irq_regs_offset = (offsets)->irq_regs)

/* Loads one of them.  Return: 0; -ENOMEM; -errno */
#define load(waits, plan, which, offsets, ret_programs)                                           \
	({                                                                                        \
		struct collect_cpu_##which *loaded_ = programs_open(plan, which);                 \
		if (loaded_)                                                                      \
			set_offsets(loaded_, offsets);                                            \
		int err_ = loaded_ ? collect_cpu_##which##__load(loaded_) : -ENOMEM;              \
		if (err_ && loaded_) {                                                            \
			collect_cpu_##which##__destroy(loaded_);                                  \
		} else if (!err_) {                                                               \
			(waits)->which = loaded_;                                                 \
			(waits)->switched = loaded_->progs.cpu_blocks.prog_fd;                    \
			(waits)->waking =                                                         \
				(plan)->request->wakers ? loaded_->progs.cpu_waking.prog_fd : -1; \
			(waits)->begin = loaded_->progs.cpu_begin.prog_fd;                        \
			(waits)->first = loaded_->progs.cpu_standing_first.prog_fd;               \
			(waits)->last = loaded_->progs.cpu_standing_last.prog_fd;                 \
			(waits)->stopped_at = (u64 *)&loaded_->bss->stopped_at;                   \
			*(ret_programs) = programs_of(loaded_, cpu_blocks);                       \
		}                                                                                 \
		err_;                                                                             \
	})

static int find_offsets(struct offsets *ret_offsets)
{
	static const char *const names[] = { "runqueues", "__preempt_count", "__irq_regs" };
	uint32_t offsets[3];

	if (kernel_btf_percpu(names, array_len(names), offsets))
		return fail(-ENOTSUP,
			    "cannot tell who ends waits: this kernel's BTF does not tell where "
			    "'__preempt_count' and '__irq_regs' are");
	ret_offsets->preempt_count = (s64)offsets[1] - offsets[0];
	ret_offsets->irq_regs = (s64)offsets[2] - offsets[0];
	return 0;
}

int waits_load(const struct cpu_plan *plan, struct waits **ret_waits, struct programs *ret_programs)
{
	own(waits_freep) struct waits *waits = calloc(1, sizeof(*waits));
	enum cpu_unwind unwind = plan->request->unwind;
	struct offsets offsets = { 0 };
	int err;

	if (!waits)
		return -ENOMEM;
	err = plan->request->wakers ? find_offsets(&offsets) : 0;
	if (err)
		return err;
	err = -ENOTSUP;
	/* The kernel function that puts work off has another prototype from 7.0 on; what does not
	 * fit does not load.
	 */
	if (unwind != CPU_UNWIND_INTERRUPT) {
		err = load(waits, plan, blocks, &offsets, ret_programs);
		if (err)
			err = load(waits, plan, blocks_old, &offsets, ret_programs);
	}
	if (err && unwind != CPU_UNWIND_DEFERRED)
		err = load(waits, plan, blocks_now, &offsets, ret_programs);
	if (err)
		return err;
	*ret_waits = take(waits);
	return 0;
}

bool waits_are_put_off(const struct waits *waits)
{
	return !waits->blocks_now;
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

	if (!err && waits->waking >= 0)
		err = attach(waits, "sched_waking", waits->waking);
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
	int err;

	records_begin(records, batch);
	err = iterate(waits->last, &iterator);
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
	if (waits->blocks_now)
		collect_cpu_blocks_now__destroy(waits->blocks_now);
	free(waits);
}
