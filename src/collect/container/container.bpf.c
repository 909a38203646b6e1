/* SPDX-License-Identifier: Dual MIT/GPL */
/* container.bpf.c - control groups as they come and go, and the processes that are moved into them.
 *
 * A group is wanted if the process that does something with it is, or if it lies below the group that
 * is asked for.
 */
#include "collect/container/container.wire.h"
#include "probe/event.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define GROUPS_MAX 16384 /* whose times are known, at once */
#define PATH_BYTES 1024  /* the kernel makes no longer one */

_Static_assert((int)CONTAINER_HIERARCHY_OTHER == (int)HIERARCHY_COUNT, "the same order");

struct times {
	u64 made, removed; /* 0: not seen */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, GROUPS_MAX);
	__type(key, u64); /* address of the group, until it is released */
	__type(value, struct times);
} groups SEC(".maps");

struct group {
	u64 id;
	enum container_hierarchy hierarchy;
	u32 hierarchy_id;
	bool is_usual;
};

static __always_inline bool has_controller(u32 mask, u32 hierarchy)
{
	int controller = hierarchy_controller(hierarchy);

	return controller >= 0 && (mask >> controller & 1);
}

static __always_inline void read_group(struct cgroup *from, struct group *to)
{
	u32 mask = BPF_CORE_READ(from, root, subsys_mask);

	to->id = BPF_CORE_READ(from, kn, id);
	to->hierarchy_id = BPF_CORE_READ(from, root, hierarchy_id);
	if (!to->hierarchy_id) {
		to->hierarchy = CONTAINER_HIERARCHY_V2;
		to->is_usual = filter.hierarchy == HIERARCHY_V2;
		return;
	}
	to->hierarchy = mask ? CONTAINER_HIERARCHY_OTHER : CONTAINER_HIERARCHY_NAMED;
	for (u32 i = HIERARCHY_COUNT - 1; i > HIERARCHY_V2; i--)
		if (has_controller(mask, i))
			to->hierarchy = (enum container_hierarchy)i;
	to->is_usual = has_controller(mask, filter.hierarchy);
}

static __always_inline bool group_wanted(struct cgroup *group)
{
	if (filter.cgroup_id && cgroup_is_below(group, filter.cgroup_id))
		return true;
	return event_wants((struct task_struct *)bpf_get_current_task());
}

/* The members that all records have. */
#define put_group(buffer, record, group_, path)                                       \
	do {                                                                          \
		(record)->group_id = (group_)->id;                                    \
		(record)->hierarchy = (group_)->hierarchy;                            \
		(record)->hierarchy_id = (group_)->hierarchy_id;                      \
		(record)->is_usual = (group_)->is_usual;                              \
		event_put_kernel(buffer, &(record)->group, (void *)path, PATH_BYTES); \
	} while (0)

SEC("raw_tp/cgroup_mkdir")
int container_on_create(struct bpf_raw_tracepoint_args *ctx)
{
	struct cgroup *group = (void *)ctx->args[0];
	struct times times = { bpf_ktime_get_ns(), 0 };
	struct event_buffer *buffer;
	struct container_create *create;
	u64 key = (u64)group;
	struct group told;

	bpf_map_update_elem(&groups, &key, &times, BPF_ANY);
	if (!group_wanted(group))
		return 0;
	buffer = event_begin(container_create, (struct task_struct *)bpf_get_current_task());
	if (!buffer)
		return 0;
	create = event_in(buffer);
	read_group(group, &told);
	put_group(buffer, create, &told, ctx->args[1]);
	event_end(buffer);
	return 0;
}

SEC("raw_tp/cgroup_rmdir")
int container_on_remove(struct bpf_raw_tracepoint_args *ctx)
{
	struct cgroup *group = (void *)ctx->args[0];
	struct times unseen = { 0, bpf_ktime_get_ns() }, *times;
	struct event_buffer *buffer;
	struct container_remove *remove;
	u64 key = (u64)group, made = 0;
	struct group told;

	times = bpf_map_lookup_elem(&groups, &key);
	if (times) {
		made = times->made;
		times->removed = unseen.removed;
	} else {
		bpf_map_update_elem(&groups, &key, &unseen, BPF_ANY);
	}
	if (!group_wanted(group))
		return 0;
	buffer = event_begin(container_remove, (struct task_struct *)bpf_get_current_task());
	if (!buffer)
		return 0;
	remove = event_in(buffer);
	remove->duration = made ? remove->event.at - made : NOT_MEASURED;
	read_group(group, &told);
	put_group(buffer, remove, &told, ctx->args[1]);
	event_end(buffer);
	return 0;
}

/* Of no process: a worker of the kernel's does it some time later. */
static __always_inline bool release_wanted(struct cgroup *group)
{
	if (filter.pid_count || filter.has_uid || filter.comm[0])
		return false;
	return !filter.cgroup_id || cgroup_is_below(group, filter.cgroup_id);
}

SEC("raw_tp/cgroup_release")
int container_on_release(struct bpf_raw_tracepoint_args *ctx)
{
	struct cgroup *group = (void *)ctx->args[0];
	struct event_buffer *buffer;
	struct container_release *release;
	u64 key = (u64)group, removed = 0, now = bpf_ktime_get_ns();
	struct times *times = bpf_map_lookup_elem(&groups, &key);
	struct group told;

	if (times) {
		removed = times->removed;
		bpf_map_delete_elem(&groups, &key);
	}
	if (!release_wanted(group))
		return 0;
	buffer = event_begin(container_release, (struct task_struct *)bpf_get_current_task());
	if (!buffer)
		return 0;
	release = event_in(buffer);
	event_head_of_nobody(&release->event);
	release->event.at = now;
	release->event.type = bpf_core_type_id_local(struct container_release);
	release->lingering = removed ? release->event.at - removed : NOT_MEASURED;
	read_group(group, &told);
	put_group(buffer, release, &told, ctx->args[1]);
	event_end(buffer);
	return 0;
}

SEC("raw_tp/cgroup_rename")
int container_on_rename(struct bpf_raw_tracepoint_args *ctx)
{
	struct cgroup *group = (void *)ctx->args[0];
	struct event_buffer *buffer;
	struct container_rename *rename;
	struct group told;

	if (!group_wanted(group))
		return 0;
	buffer = event_begin(container_rename, (struct task_struct *)bpf_get_current_task());
	if (!buffer)
		return 0;
	rename = event_in(buffer);
	read_group(group, &told);
	put_group(buffer, rename, &told, ctx->args[1]);
	event_end(buffer);
	return 0;
}

static __always_inline int on_attach(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[2];
	struct event_buffer *buffer;
	struct container_attach *attach;
	struct group told;

	if (!event_wants(task))
		return 0;
	buffer = event_begin(container_attach, task);
	if (!buffer)
		return 0;
	attach = event_in(buffer);
	attach->is_process = ctx->args[3] & 1;
	attach->by = bpf_get_current_pid_tgid() >> 32;
	read_group((void *)ctx->args[0], &told);
	put_group(buffer, attach, &told, ctx->args[1]);
	event_end(buffer);
	return 0;
}

SEC("raw_tp/cgroup_attach_task")
int container_on_attach(struct bpf_raw_tracepoint_args *ctx)
{
	return on_attach(ctx);
}

/* When the last processor of a v1 cpuset goes, its processes go to the group above. */
SEC("raw_tp/cgroup_transfer_tasks")
OPTIONAL("processes that the kernel moves because their cpuset has no processor left")
int container_on_transfer(struct bpf_raw_tracepoint_args *ctx)
{
	return on_attach(ctx);
}
