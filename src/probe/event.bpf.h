/* SPDX-License-Identifier: Dual MIT/GPL */
/* event.bpf.h - how a program of a collector sends its records.
 *
 * Of a fixed size, without a copy:
 *
 *     struct disk_slow *slow = event_new(disk_slow, task);
 *     if (slow) {
 *             slow->latency = ...;
 *             event_send(slow);
 *     }
 *
 * With texts behind it, in memory of this CPU:
 *
 *     struct event_buffer *buffer = event_begin(process_exec, task);
 *     struct process_exec *exec = event_in(buffer);
 *     event_put_kernel(buffer, &exec->file, ...);
 *     event_end(buffer);
 *
 * What finds no room in the ring is counted in `losses` by its type.  Room is kept for everybody: of a
 * ring that is half full, whoever has filled much of it gets no more (event_may()).
 */
#ifndef PROBE_EVENT_BPF_H
#define PROBE_EVENT_BPF_H

#include "probe/cgroup.bpf.h"
#include "probe/emit.bpf.h"
#include "probe/event.wire.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define EVENT_BYTES      16384 /* of a record with its texts; a power of 2 */
#define EVENT_PART_BYTES 8192  /* of one text at most */
#define EVENT_TYPES      32    /* of one object */
#define NOT_MEASURED     (~0ull)

const volatile struct event_filter filter = {};

u64 woken_at = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024); /* the collector may ask for more */
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EVENT_TYPES);
	__type(key, u32); /* event.type, or the type of a table's key */
	__type(value, u64);
} losses SEC(".maps");

/* One record being made. */
struct event_buffer {
	u32 used; /* bytes */
	u32 size; /* of the struct at the beginning */
	union {
		struct event event; /* also what tells tools/records of its members */
		u8 bytes[EVENT_BYTES + EVENT_PART_BYTES];
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct event_buffer);
} buffers SEC(".maps");

static __always_inline void event_lost(u32 type)
{
	u64 *count = bpf_map_lookup_elem(&losses, &type), one = 1;

	if (count)
		__sync_fetch_and_add(count, 1);
	else if (bpf_map_update_elem(&losses, &type, &one, BPF_NOEXIST) &&
		 (count = bpf_map_lookup_elem(&losses, &type)) != NULL)
		__sync_fetch_and_add(count, 1);
}

/* What a user has put into the ring lately, by a hash of the user. */
#define SHARE_SLOTS 64 /* a power of 2 */

struct share {
	u64 window; /* of the reader's way through the ring, a quarter of it each */
	u64 bytes;
};

static struct share shares[SHARE_SLOTS];

/* Whether this user may put so much into the ring: a flood by one is not to starve the others.  Nothing
 * is counted while the ring is nearly empty, as it is most of the time.
 */
static __always_inline bool share_may(u32 uid, u32 bytes, u64 used, u64 size)
{
	struct share *share = &shares[uid * 0x9e3779b1u >> 26 & (SHARE_SLOTS - 1)];
	u64 window = bpf_ringbuf_query(&events, BPF_RB_CONS_POS) / (size / 4);

	if (share->window != window) {
		share->window = window;
		share->bytes = 0;
	}
	if (used >= size / 2 && share->bytes + bytes > size / 8)
		return false;
	__sync_fetch_and_add(&share->bytes, bytes);
	return true;
}

#define event_may(uid, bytes)                                              \
	({                                                                 \
		u64 used_ = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA); \
		u64 size_ = bpf_ringbuf_query(&events, BPF_RB_RING_SIZE);  \
		used_ < size_ / 4 || share_may(uid, bytes, used_, size_);  \
	})

/* Room in the ring for a record about somebody; NULL: there is none, counted. */
#define event_reserve(kind, uid)                                                 \
	({                                                                       \
		struct kind *room_ = NULL;                                       \
		if (event_may(uid, sizeof(*room_)))                              \
			room_ = bpf_ringbuf_reserve(&events, sizeof(*room_), 0); \
		if (!room_)                                                      \
			event_lost(bpf_core_type_id_local(struct kind));         \
		room_;                                                           \
	})

static __always_inline bool event_wants_comm(struct task_struct *task)
{
	char comm[EVENT_COMM];

	if (!filter.comm[0])
		return true;
	BPF_CORE_READ_STR_INTO(&comm, task, comm);
	for (int i = 0; i < EVENT_COMM; i++) {
		if (comm[i] != filter.comm[i])
			return false;
		if (!comm[i])
			break;
	}
	return true;
}

/* Whether the filter wants what this task does. */
static __always_inline bool event_wants(struct task_struct *task)
{
	u32 pid;

	if (filter.pid_count) {
		bool is_named = false;

		pid = BPF_CORE_READ(task, tgid);
		for (u32 i = 0; i < EVENT_PIDS && i < filter.pid_count; i++)
			is_named |= filter.pids[i] == pid;
		if (!is_named)
			return false;
	}
	if (filter.has_uid && BPF_CORE_READ(task, cred, uid.val) != filter.uid)
		return false;
	if (filter.cgroup_id && !in_cgroup(task, filter.hierarchy, filter.cgroup_id))
		return false;
	return event_wants_comm(task);
}

static __noinline u64 event_cgroup(struct task_struct *task)
{
	struct cgroup *group = task_cgroup(task, filter.hierarchy);

	return group ? BPF_CORE_READ(group, kn, id) : 0;
}

/* It is mostly the current task that something is told of, and that one has helpers of its own: they
 * take a third of the time of reading the same from a task.
 */
static __always_inline bool event_is_current(struct task_struct *task)
{
	return task == (void *)bpf_get_current_task();
}

static __always_inline u32 event_uid(struct task_struct *task)
{
	if (event_is_current(task))
		return (u32)bpf_get_current_uid_gid();
	return BPF_CORE_READ(task, cred, uid.val);
}

/* The head of a record about what @task does now. */
static __always_inline void event_head(struct event *event, u32 type, struct task_struct *task)
{
	event->at = bpf_ktime_get_ns();
	event->type = type;
	if (event_is_current(task)) {
		u64 both = bpf_get_current_pid_tgid();

		event->pid = both >> 32;
		event->tid = (u32)both;
		bpf_get_current_comm(&event->comm, sizeof(event->comm));
	} else {
		event->pid = BPF_CORE_READ(task, tgid);
		event->tid = BPF_CORE_READ(task, pid);
		BPF_CORE_READ_STR_INTO(&event->comm, task, comm);
	}
	event->uid = event_uid(task);
	event->cgroup = event_cgroup(task);
}

/* The name of a thread for a row of a table.  It rarely changes, and memory that is not written to stays
 * with every processor.
 */
static __always_inline void event_keep_comm(char *to, struct task_struct *task)
{
	u64 *name = (u64 *)task->comm, *kept = (u64 *)to;

	if (kept[0] != name[0])
		kept[0] = name[0];
	if (kept[1] != name[1])
		kept[1] = name[1];
}

/* What a record says of a process that is not known. */
static __always_inline void event_head_of_nobody(struct event *event)
{
	*event = (struct event){ .pid = ~0u, .tid = ~0u, .uid = ~0u, .cgroup = NOT_MEASURED };
}

/* Whether some processes are wanted and others are not. */
static __always_inline bool event_wants_some(void)
{
	return filter.pid_count || filter.has_uid || filter.cgroup_id || filter.comm[0];
}

/* A record of type struct KIND in the ring, zeroed but for its head; NULL: no room, counted. */
#define event_new(kind, task)                                                                \
	({                                                                                   \
		struct kind *new_ = event_reserve(kind, event_uid(task));                    \
		if (new_) {                                                                  \
			__builtin_memset(new_, 0, sizeof(*new_));                            \
			event_head(&new_->event, bpf_core_type_id_local(struct kind), task); \
		}                                                                            \
		new_;                                                                        \
	})

/* The same about a process whose head was kept when it was the current one. */
#define event_new_of(kind, head, now)                                           \
	({                                                                      \
		struct kind *new_ = event_reserve(kind, (head)->uid);           \
		if (new_) {                                                     \
			__builtin_memset(new_, 0, sizeof(*new_));               \
			new_->event = *(head);                                  \
			new_->event.at = now;                                   \
			new_->event.type = bpf_core_type_id_local(struct kind); \
		}                                                               \
		new_;                                                           \
	})

#define event_send(record) bpf_ringbuf_submit(record, emit_flags(&events, &woken_at))

/* The same in memory of this CPU, with room for texts behind it; NULL never. */
#define event_begin(kind, task)                                                \
	({                                                                     \
		struct event_buffer *new_ = event_buffer(sizeof(struct kind)); \
		if (new_) {                                                    \
			__builtin_memset(new_->bytes, 0, sizeof(struct kind)); \
			event_head((struct event *)new_->bytes,                \
				   bpf_core_type_id_local(struct kind), task); \
		}                                                              \
		new_;                                                          \
	})

/* The same about a process whose head was kept when it was the current one. */
#define event_begin_of(kind, head, now)                                        \
	({                                                                     \
		struct event_buffer *new_ = event_buffer(sizeof(struct kind)); \
		if (new_) {                                                    \
			struct event *event_ = (struct event *)new_->bytes;    \
			__builtin_memset(new_->bytes, 0, sizeof(struct kind)); \
			*event_ = *(head);                                     \
			event_->at = now;                                      \
			event_->type = bpf_core_type_id_local(struct kind);    \
		}                                                              \
		new_;                                                          \
	})

#define event_in(buffer) ((void *)(buffer)->bytes)

static __always_inline struct event_buffer *event_buffer(u32 size)
{
	u32 zero = 0;
	struct event_buffer *buffer = bpf_map_lookup_elem(&buffers, &zero);

	if (buffer)
		buffer->used = buffer->size = size;
	return buffer;
}

/* Where the next text goes; there are EVENT_PART_BYTES behind it. */
static __always_inline u8 *event_place(struct event_buffer *buffer)
{
	return buffer->bytes + (buffer->used & (EVENT_BYTES - 1));
}

static __always_inline void event_took(struct event_buffer *buffer, u16 *at, u16 *bytes, u32 taken)
{
	*at = buffer->used;
	*bytes = taken;
	buffer->used += taken;
	if (buffer->used >= EVENT_BYTES) /* cannot be, by the bounds of the parts */
		buffer->used = EVENT_BYTES - 1;
}

/* A text of the kernel's, closed by NUL there, of at most @max bytes (a constant). */
static __always_inline void event_put_kernel(struct event_buffer *buffer, struct tail_text *text,
					     const void *from, u32 max)
{
	long len = bpf_probe_read_kernel_str(event_place(buffer), max, from);

	event_took(buffer, &text->at, &text->bytes, len > 0 && len <= max ? (u32)len - 1 : 0);
}

/* Likewise of the current process. */
static __always_inline void event_put_user(struct event_buffer *buffer, struct tail_text *text,
					   const void *from, u32 max)
{
	long len = bpf_probe_read_user_str(event_place(buffer), max, from);

	event_took(buffer, &text->at, &text->bytes, len > 0 && len <= max ? (u32)len - 1 : 0);
}

static __always_inline void event_end(struct event_buffer *buffer)
{
	struct event *event = event_in(buffer);
	u32 used = buffer->used;

	if (used > EVENT_BYTES)
		return;
	if (!event_may(event->uid, used) ||
	    bpf_ringbuf_output(&events, buffer->bytes, used, emit_flags(&events, &woken_at)))
		event_lost(event->type);
}

#endif
