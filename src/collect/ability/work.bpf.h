/* SPDX-License-Identifier: Dual MIT/GPL */
/* work.bpf.h - the program of later.bpf.c and of later-old.bpf.c, which defines TASK_WORK_OLD. */
#include "collect/ability/later.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct bpf_task_work {
	u64 opaque;
} __attribute__((aligned(8)));

struct bpf_map;

#ifdef TASK_WORK_OLD
extern int bpf_task_work_schedule_resume_impl(struct task_struct *task, struct bpf_task_work *work,
					      void *map__map,
					      int (*callback)(struct bpf_map *, void *, void *),
					      void *aux__prog) __ksym;
#define schedule(task, work) \
	bpf_task_work_schedule_resume_impl(task, work, &pendings, do_work, NULL)
#else
extern int bpf_task_work_schedule_resume(struct task_struct *task, struct bpf_task_work *work,
					 void *map__map,
					 int (*callback)(struct bpf_map *, void *, void *)) __ksym;
#define schedule(task, work) bpf_task_work_schedule_resume(task, work, &pendings, do_work)
#endif

struct pending {
	struct bpf_task_work work;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct pending);
} pendings SEC(".maps");

static int do_work(struct bpf_map *map, void *key, void *value)
{
	look_up();
	if ((u32)bpf_get_current_pid_tgid() == wanted_thread)
		worked++;
	return 0;
}

SEC("raw_tp/task_rename")
int later(struct bpf_raw_tracepoint_args *ctx)
{
	struct pending *pending;
	u32 zero = 0;

	if ((u32)bpf_get_current_pid_tgid() != wanted_thread)
		return 0;
	pending = bpf_map_lookup_elem(&pendings, &zero);
	if (pending)
		scheduled = schedule(bpf_get_current_task_btf(), &pending->work);
	return 0;
}
