/* SPDX-License-Identifier: Dual MIT/GPL */
/* files.bpf.c - which files the tree reads and writes, which of them come from disk, and what it looks for
 * in vain.  While this is attached every system call of the machine takes longer.
 *
 * A file is known by device and inode; its path is sent when it is first opened, read or written.  What is
 * read by way of mmap() shows as pages that were filled, and bytes of io_uring do not show.
 */
#include "collect/balance/members.bpf.h"
#include "probe/call.bpf.h"
#include "probe/open_file.bpf.h"
#include "probe/path.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define S_IFREG 0100000
#define PG_HEAD 6 /* of the kernels where the value cannot be had */

enum pageflags___any {
	PG_head___any,
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, BALANCE_FILES_MAX);
	__type(key, struct balance_file_key);
	__type(value, struct balance_file);
} files SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1);
	__uint(max_entries, BALANCE_MISSES_MAX);
	__type(key, struct balance_miss_key);
	__type(value, u64);
} misses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct balance_miss_key);
} miss_keys SEC(".maps");

u64 refused_files = 0;
u64 refused_misses = 0;
u64 refused_paths = 0;

/* NULL: no regular file, or there are too many. */
static __always_inline struct balance_file *row_of(struct inode *inode,
						   struct balance_file_key *key)
{
	struct balance_file *row, none = {};

	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFREG)
		return NULL;
	key->inode = BPF_CORE_READ(inode, i_ino);
	key->device = BPF_CORE_READ(inode, i_sb, s_dev);
	key->pad = 0;
	row = bpf_map_lookup_elem(&files, key);
	if (row)
		return row;
	bpf_map_update_elem(&files, key, &none, BPF_NOEXIST);
	row = bpf_map_lookup_elem(&files, key);
	if (!row)
		__sync_fetch_and_add(&refused_files, 1);
	return row;
}

static __always_inline void send_path(struct balance_file *row, const struct balance_file_key *key,
				      struct file *file)
{
	struct event_buffer *buffer = event_buffer(sizeof(struct balance_path));
	struct balance_path *path;
	struct tail_path tail;
	u32 used;

	if (!buffer || row->is_named)
		return;
	row->is_named = 1;
	path_put(buffer, &tail, BPF_CORE_READ(file, f_path.dentry),
		 BPF_CORE_READ(file, f_path.mnt));
	path = event_in(buffer);
	path->key = *key;
	path->at = tail.at;
	path->bytes = tail.bytes;
	used = buffer->used;
	barrier_var(used); /* what is checked is what is passed on */
	if (used > EVENT_BYTES ||
	    bpf_ringbuf_output(&events, buffer->bytes, used, emit_flags(&events, &woken_at)))
		__sync_fetch_and_add(&refused_paths, 1);
}

static __always_inline struct balance_file *row_of_file(struct file *file)
{
	struct balance_file_key key;
	struct balance_file *row;

	if (!file)
		return NULL;
	row = row_of(BPF_CORE_READ(file, f_inode), &key);
	if (row && !row->is_named)
		send_path(row, &key, file);
	return row;
}

static __always_inline void count_bytes(struct task_struct *task, u32 fd, u64 bytes, bool is_write)
{
	struct balance_file *row = row_of_file(open_file(task, fd));

	if (!row)
		return;
	__sync_fetch_and_add(is_write ? &row->written : &row->read, bytes);
	__sync_fetch_and_add(is_write ? &row->writes : &row->reads, 1);
}

static __always_inline void count_miss(u64 path, u32 error)
{
	u32 zero = 0;
	struct balance_miss_key *key = bpf_map_lookup_elem(&miss_keys, &zero);
	u64 *count, one = 1;

	if (!key)
		return;
	__builtin_memset(key, 0, sizeof(*key));
	key->error = error;
	if (bpf_probe_read_user_str(key->path, sizeof(key->path), (void *)path) <= 0)
		return;
	count = bpf_map_lookup_elem(&misses, key);
	if (count)
		__sync_fetch_and_add(count, 1);
	else if (bpf_map_update_elem(&misses, key, &one, BPF_NOEXIST))
		__sync_fetch_and_add(&refused_misses, 1);
}

SEC("raw_tp/sys_exit")
int files_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	void *regs = (void *)ctx->args[0];
	enum syscall_file_use use;
	long result = ctx->args[1];
	u32 error;

	if (!find_cell(task, task->tgid) || call_is_compat(task))
		return 0;
	use = syscall_file_use(call_number(regs));
	if (use == SYSCALL_USES_NONE)
		return 0;
	if (use <= SYSCALL_COPIES && result < 0)
		return 0;
	error = call_errno(result);
	switch (use) {
	case SYSCALL_READS:
		count_bytes(task, call_argument(regs, 0), result, false);
		break;
	case SYSCALL_WRITES:
		count_bytes(task, call_argument(regs, 0), result, true);
		break;
	case SYSCALL_SENDS:
		count_bytes(task, call_argument(regs, 1), result, false);
		count_bytes(task, call_argument(regs, 0), result, true);
		break;
	case SYSCALL_COPIES:
		count_bytes(task, call_argument(regs, 0), result, false);
		count_bytes(task, call_argument(regs, 2), result, true);
		break;
	case SYSCALL_OPENS:
	case SYSCALL_OPENS_AT:
		if (result >= 0)
			row_of_file(open_file(task, result));
		/* fallthrough */
	default:
		if (error)
			count_miss(use == SYSCALL_OPENS || use == SYSCALL_LOOKS
					   ? call_argument(regs, 0)
					   : call_argument(regs, 1),
				   error);
	}
	return 0;
}

/* Its pages may be filled before it has run a single instruction. */
SEC("raw_tp/sched_process_exec")
int files_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct linux_binprm *program = (struct linux_binprm *)ctx->args[2];
	struct task_struct *task = bpf_get_current_task_btf();

	if (find_cell(task, task->tgid))
		row_of_file(BPF_CORE_READ(program, file));
	return 0;
}

static __always_inline u32 pages_of(struct folio *folio)
{
	u32 head = bpf_core_enum_value_exists(enum pageflags___any, PG_head___any)
			   ? bpf_core_enum_value(enum pageflags___any, PG_head___any)
			   : PG_HEAD;
	unsigned long flags = 0, more = 0;

	/* Its first field, of whichever type: a number, and from 6.18 on a struct that holds it. */
	bpf_probe_read_kernel(&flags, sizeof(flags), folio);
	if (!(flags & (1ul << head)) || !bpf_core_field_exists(folio->_flags_1))
		return 1;
	bpf_probe_read_kernel(&more, sizeof(more),
			      (void *)folio + bpf_core_field_offset(struct folio, _flags_1));
	return 1u << (more & 31);
}

SEC("raw_tp/mm_filemap_add_to_page_cache")
int files_fill(struct bpf_raw_tracepoint_args *ctx)
{
	struct folio *folio = (struct folio *)ctx->args[0];
	struct task_struct *task = bpf_get_current_task_btf();
	struct balance_file_key key;
	struct balance_file *row;

	if (!find_cell(task, task->tgid))
		return 0;
	row = row_of(BPF_CORE_READ(folio, mapping, host), &key);
	if (row)
		__sync_fetch_and_add(&row->filled, pages_of(folio));
	return 0;
}

SEC("raw_tp/writeback_dirty_folio")
int files_dirty(struct bpf_raw_tracepoint_args *ctx)
{
	struct address_space *mapping = (struct address_space *)ctx->args[1];
	struct folio *folio = (struct folio *)ctx->args[0];
	struct task_struct *task = bpf_get_current_task_btf();
	struct balance_file_key key;
	struct balance_file *row;

	if (!find_cell(task, task->tgid))
		return 0;
	row = row_of(BPF_CORE_READ(mapping, host), &key);
	if (row)
		__sync_fetch_and_add(&row->dirtied, pages_of(folio));
	return 0;
}
