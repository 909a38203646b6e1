/* SPDX-License-Identifier: Dual MIT/GPL */
/* memory.bpf.h - resident memory of the whole tree, its peak, and who held it then.
 *
 * A row for each address space; threads and a child of vfork() share one.  Each look reads the whole
 * of it, which heals what others took from it meanwhile.  A new maximum of the tree gets a number; a
 * row keeps, before its next change, what it was at the newest maximum, so the holders are known
 * without looking at the others.  Pages that several processes share count for each.
 */
#ifndef COLLECT_BALANCE_MEMORY_BPF_H
#define COLLECT_BALANCE_MEMORY_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, BALANCE_SPACES_MAX);
	__type(key, u64); /* address of the mm_struct */
	__type(value, struct balance_space);
} spaces SEC(".maps");

struct balance_memory memory = {};

static __always_inline void set_pages(struct balance_space *space, s64 pages)
{
	s64 change = pages - space->pages, sum;

	if (space->peak != memory.peak) {
		space->peak = memory.peak;
		space->pages_at_peak = space->pages;
	}
	space->pages = pages;
	if (pages > space->peak_pages)
		space->peak_pages = pages;
	sum = __sync_fetch_and_add(&memory.pages, change) + change;
	if (sum <= memory.peak_pages)
		return;
	memory.peak_pages = sum;
	memory.peak_at = bpf_ktime_get_ns();
	memory.peak++;
}

static __always_inline struct balance_space *space_new(u64 key, struct task_struct *task)
{
	struct balance_cell *cell = cell_of(task, task->tgid);
	struct balance_space space = { .kind = BALANCE_SPACE };

	if (!cell)
		return NULL;
	space.pid = cell->thread.pid;
	space.process = cell->thread.process;
	if (bpf_map_update_elem(&spaces, &key, &space, BPF_NOEXIST)) {
		__sync_fetch_and_add(&refused.spaces, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&spaces, &key);
}

SEC("raw_tp/rss_stat")
int balance_rss(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 key = ctx->args[0];
	struct balance_space *space;
	struct mm_struct *mm;
	s64 pages, change;

	if (!may_be_member(task->tgid))
		return 0;
	mm = task->mm;
	if (!mm || (u64)mm != key) /* fork() fills the child's */
		return 0;
	pages = resident_pages(mm);
	space = bpf_map_lookup_elem(&spaces, &key);
	if (!space)
		space = space_new(key, task);
	if (!space || stopped_at)
		return 0;
	change = pages - space->pages;
	if (change >= BALANCE_RSS_STEP || change <= -BALANCE_RSS_STEP)
		set_pages(space, pages);
	return 0;
}

SEC("raw_tp/exit_mmap")
int balance_unmap(struct bpf_raw_tracepoint_args *ctx)
{
	u64 key = ctx->args[0];
	struct balance_space *space = bpf_map_lookup_elem(&spaces, &key);

	if (!space || stopped_at)
		return 0;
	set_pages(space, 0);
	if (bpf_ringbuf_output(&records, space, sizeof(*space), emit_flags(&records, &woken_at)))
		__sync_fetch_and_add(&refused.records, 1);
	bpf_map_delete_elem(&spaces, &key);
	return 0;
}

#endif
