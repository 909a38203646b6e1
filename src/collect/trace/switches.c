/* SPDX-License-Identifier: MIT */
#include "collect/trace/switches.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define RING_BYTES \
	(256u * 1024) /* 6,500 records; read at least every 100 ms, or when half is full */
#define RING_BYTES_MANY (64u * 1024) /* per CPU on hosts with more than MANY_CPUS */
#define MANY_CPUS       16

static int open_on(struct switches *switches, pid_t pid, uint32_t cpu, size_t bytes)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.inherit = 1,
		.task = 1,
		.context_switch = 1,
		.exclude_kernel = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
		.wakeup_watermark = (uint32_t)(bytes / 2),
	};
	struct epoll_event event = { .events = EPOLLIN };
	struct perf_ring ring;
	int fd = perf_open(&attr, pid, (int)cpu, -1, 0), err;

	if (fd == -ENODEV) /* went offline meanwhile */
		return 0;
	err = fd < 0 ? fd : perf_ring_map(&ring, fd, cpu, bytes);
	if (err)
		return err;
	err = vec_push(&switches->rings, ring);
	if (err) {
		perf_ring_close(&ring);
		return err;
	}
	return epoll_ctl(switches->epoll, EPOLL_CTL_ADD, ring.fd, &event) < 0 ? -errno : 0;
}

int switches_open(pid_t pid, struct switches *switches)
{
	struct cpu_list cpus = { 0 };
	int err = perf_cpus(&cpus);

	*switches = (struct switches){ .epoll = epoll_create1(EPOLL_CLOEXEC) };
	if (!err && switches->epoll < 0)
		err = -errno;
	vec_each(cpu, &cpus.ids)
		err = err
			      ?: open_on(switches, pid, *cpu,
					 cpus.ids.len > MANY_CPUS ? RING_BYTES_MANY : RING_BYTES);
	vec_done(&cpus.ids);
	if (err)
		switches_close(switches);
	return err;
}

static int on_record(void *context, const struct perf_ring *ring,
		     const struct perf_event_header *header)
{
	struct switches *switches = context;
	struct perf_cursor cursor = perf_cursor(header);
	struct switch_record record = { .kind = SWITCH_IN };

	(void)ring;
	switch (header->type) {
	case PERF_RECORD_SWITCH: /* sample_id: pid, tid, time */
		perf_u32(&cursor);
		record.tid = perf_u32(&cursor);
		if (header->misc & PERF_RECORD_MISC_SWITCH_OUT)
			record.kind = header->misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT
					      ? SWITCH_PREEMPTED
					      : SWITCH_OUT;
		break;
	case PERF_RECORD_FORK: /* pid, ppid, tid, ptid, time */
		perf_u64(&cursor);
		record.tid = perf_u32(&cursor);
		perf_u32(&cursor);
		record.kind = SWITCH_BORN;
		break;
	case PERF_RECORD_LOST: /* id, lost */
		perf_u64(&cursor);
		switches->lost += perf_u64(&cursor);
		return 0;
	default:
		return 0;
	}
	record.at_mono_ns = perf_u64(&cursor);
	return cursor.is_short ? 0 : vec_push(&switches->records, record);
}

static int by_time(const void *a, const void *b)
{
	const struct switch_record *one = a, *other = b;

	return one->at_mono_ns < other->at_mono_ns ? -1 : one->at_mono_ns > other->at_mono_ns;
}

struct switched *switches_of(const struct switches *switches, uint32_t tid)
{
	vec_each(thread, &switches->threads)
		if (thread->tid == tid)
			return thread;
	return NULL;
}

void switched_take(struct switched *thread, const struct switch_record *record)
{
	uint64_t at = record->at_mono_ns;
	uint64_t passed = thread->since && at > thread->since ? at - thread->since : 0;

	if (record->kind == SWITCH_BORN) {
		*thread = (struct switched){
			.tid = record->tid,
			.is_ready = true,
			.born = at,
			.since = at,
		};
		return;
	}
	if (thread->is_on)
		thread->running += passed;
	else if (thread->is_ready)
		thread->queued += passed;
	else
		thread->waited += passed;
	thread->since = at;
	if (record->kind == SWITCH_END)
		return;
	thread->is_on = record->kind == SWITCH_IN;
	thread->is_ready = record->kind == SWITCH_PREEMPTED;
	thread->outs += record->kind != SWITCH_IN;
	thread->preemptions += record->kind == SWITCH_PREEMPTED;
}

static int count(struct switches *switches, const struct switch_record *record)
{
	struct switched *thread = switches_of(switches, record->tid);

	if (!thread) {
		int err = vec_push(&switches->threads, { .tid = record->tid });

		if (err)
			return err;
		thread = &switches->threads.data[switches->threads.len - 1];
	}
	switched_take(thread, record);
	return 0;
}

int switches_drain(struct switches *switches)
{
	uint64_t horizon = clock_mono_ns();
	size_t done = 0;
	int err = 0;

	vec_each(ring, &switches->rings)
		err = err ?: perf_ring_drain(ring, on_record, switches);
	if (switches->records.len)
		qsort(switches->records.data, switches->records.len, sizeof(struct switch_record),
		      by_time);
	for (; !err && done < switches->records.len; done++) {
		if (switches->records.data[done].at_mono_ns > horizon)
			break;
		err = count(switches, &switches->records.data[done]);
	}
	switches->records.len -= done;
	if (switches->records.len)
		memmove(switches->records.data, switches->records.data + done,
			switches->records.len * sizeof(struct switch_record));
	return err;
}

void switches_forget(struct switches *switches, uint32_t tid)
{
	struct switched *thread = switches_of(switches, tid);

	if (thread)
		*thread = switches->threads.data[--switches->threads.len];
}

void switches_rename(struct switches *switches, uint32_t from, uint32_t to)
{
	struct switched *thread;

	switches_forget(switches, to);
	thread = switches_of(switches, from);
	if (thread)
		thread->tid = to;
}

void switches_close(struct switches *switches)
{
	if (switches->rings.len && switches->epoll >= 0)
		close(switches->epoll);
	vec_each(ring, &switches->rings)
		perf_ring_close(ring);
	vec_done(&switches->rings);
	vec_done(&switches->records);
	vec_done(&switches->threads);
}
