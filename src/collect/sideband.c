/* SPDX-License-Identifier: MIT */
#include "collect/sideband.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* 256 KB hold 2,000 mappings or 4,000 forks and exits: more than 100 ms of 1,600 executions/s;
 * larger ones would be paid by every CPU.  A loss is seen and repaired from /proc.
 */
#define RING_BYTES      (256u * 1024)
#define RING_BYTES_MANY (64u * 1024) /* per CPU on hosts with more than MANY_CPUS */
#define MANY_CPUS       16

void sideband_attr(struct perf_event_attr *attr)
{
	attr->sample_type |= SIDEBAND_SAMPLE_TYPE;
	attr->sample_id_all = 1;
	attr->mmap = 1;
	attr->mmap2 = 1;
	attr->comm = 1;
	attr->comm_exec = 1;
	attr->task = 1;
	attr->use_clockid = 1;
	attr->clockid = CLOCK_MONOTONIC;
}

int sideband_open(struct sideband *sideband, const struct cpu_list *cpus)
{
	size_t bytes = cpus->ids.len > MANY_CPUS ? RING_BYTES_MANY : RING_BYTES;

	*sideband = (struct sideband){ 0 };
	vec_each(cpu, &cpus->ids) {
		struct perf_event_attr attr = {
			.type = PERF_TYPE_SOFTWARE,
			.config = PERF_COUNT_SW_DUMMY,
			.exclude_kernel = 1,
			.watermark = 1,
			.wakeup_watermark = (uint32_t)(bytes / 2),
		};
		struct perf_ring ring;
		int fd, err;

		sideband_attr(&attr);
		fd = perf_open(&attr, -1, (int)*cpu, -1, 0);
		if (fd == -ENODEV) /* went offline meanwhile */
			continue;
		err = fd < 0 ? fd : perf_ring_map(&ring, fd, *cpu, bytes);
		err = err ?: vec_push(&sideband->rings, ring);
		if (err) {
			sideband_close(sideband);
			return err;
		}
	}
	return 0;
}

void sideband_close(struct sideband *sideband)
{
	vec_each(ring, &sideband->rings)
		perf_ring_close(ring);
	vec_done(&sideband->rings);
}

static int push_text(struct batch *batch, const char *text, uint32_t *ret_offset)
{
	size_t len = strlen(text) + 1;
	int err = vec_reserve(&batch->text, len);

	if (err)
		return err;
	*ret_offset = (uint32_t)batch->text.len;
	memcpy(batch->text.data + batch->text.len, text, len);
	batch->text.len += len;
	return 0;
}

static int push_map(struct batch *batch, struct perf_cursor *cursor, struct process_event *event)
{
	uint64_t major, minor;

	event->kind = PROCESS_MAP;
	event->pid = perf_u32(cursor);
	event->tid = perf_u32(cursor);
	event->start = perf_u64(cursor);
	event->end = event->start + perf_u64(cursor);
	event->file_offset = perf_u64(cursor);
	major = perf_u32(cursor);
	minor = perf_u32(cursor);
	event->device = major << 32 | minor;
	event->inode = perf_u64(cursor);
	event->generation = perf_u64(cursor);
	event->writable = perf_u32(cursor) & PROT_WRITE;
	perf_u32(cursor); /* flags */
	return push_text(batch, perf_text(cursor), &event->text);
}

static int push_comm(struct batch *batch, struct perf_cursor *cursor, struct process_event *event,
		     bool is_exec)
{
	event->kind = is_exec ? PROCESS_EXEC : PROCESS_COMM;
	event->pid = perf_u32(cursor);
	event->tid = perf_u32(cursor);
	return push_text(batch, perf_text(cursor), &event->text);
}

static void read_task(struct perf_cursor *cursor, struct process_event *event)
{
	event->pid = perf_u32(cursor);
	event->parent = perf_u32(cursor);
	event->tid = perf_u32(cursor);
	perf_u32(cursor); /* thread of the parent */
	event->at_mono_ns = perf_u64(cursor);
}

static int push_lost(struct batch *batch, struct perf_cursor *cursor)
{
	perf_u64(cursor); /* number of the event */
	batch->lost_events = true;
	return vec_push(&batch->losses, { "process events: perf buffer full", perf_u64(cursor) });
}

int sideband_record(struct batch *batch, const struct perf_event_header *record,
		    size_t trailer_bytes)
{
	struct perf_cursor cursor = perf_cursor(record), trailer = cursor;
	struct process_event event = { .order = (uint32_t)batch->events.len };
	int err = 0;

	if ((size_t)(cursor.end - cursor.at) < trailer_bytes)
		return 0;
	trailer.at = cursor.end - trailer_bytes;
	cursor.end = trailer.at;
	perf_u64(&trailer); /* pid and tid of whoever was running */
	event.at_mono_ns = perf_u64(&trailer);

	switch (record->type) {
	case PERF_RECORD_MMAP2:
		err = push_map(batch, &cursor, &event);
		break;
	case PERF_RECORD_COMM:
		err = push_comm(batch, &cursor, &event, record->misc & PERF_RECORD_MISC_COMM_EXEC);
		break;
	case PERF_RECORD_FORK:
		event.kind = PROCESS_FORK;
		read_task(&cursor, &event);
		break;
	case PERF_RECORD_EXIT:
		event.kind = PROCESS_EXIT;
		read_task(&cursor, &event);
		break;
	case PERF_RECORD_LOST:
		return push_lost(batch, &cursor);
	default:
		return 0;
	}
	if (err || cursor.is_short)
		return err;
	return vec_push(&batch->events, event);
}

static int each_record(void *context, const struct perf_ring *ring,
		       const struct perf_event_header *record)
{
	(void)ring;
	return sideband_record(context, record, 2 * sizeof(uint64_t));
}

int sideband_drain(struct sideband *sideband, struct batch *batch)
{
	int err = 0;

	vec_each(ring, &sideband->rings)
		err = err ?: perf_ring_drain(ring, each_record, batch);
	return err;
}
