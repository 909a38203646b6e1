/* SPDX-License-Identifier: Dual MIT/GPL */
/* file.bpf.c - opens, when they return; their beginning is hooked for the time that they take.
 *
 * The path is read at the end, when the kernel has had it in memory; a thread that writes to it meanwhile
 * is not found out.  Opens by io_uring, and by way of the 32-bit ABI, are not seen.
 */
#include "collect/file/file.wire.h"
#include "probe/call.bpf.h"
#include "probe/event.bpf.h"
#include "probe/histogram.bpf.h"
#include "probe/open_file.bpf.h"
#include "probe/path.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define ERRORS_MAX    4096 /* processes, errors and paths at once */
#define PROCESSES_MAX 4096
#define OPENS_MAX     32768 /* under way at once */
#define FILE_BYTES    4096  /* PATH_MAX */
#define AT_FDCWD      (-100)

/* include/uapi/asm-generic/fcntl.h; the same on x86 and arm64 */
#define O_ACCMODE     03
#define O_WRONLY      01
#define O_CREAT       0100
#define O_TRUNC       01000
#define O_APPEND      02000
#define O_PATH        010000000

const volatile u8
	each KNOB("which opens are told one by one; 2: all, 1: failed or slow, 0: slow") = 2;
const volatile unit_ns slow KNOB("an open that takes as long is slow") = 10000000;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, ERRORS_MAX);
	__type(key, struct file_key);
	__type(value, struct file_errors);
} file_failed SEC(".maps") TABLE("opens of a process that failed, by error and path");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1);
	__uint(max_entries, PROCESSES_MAX);
	__type(key, struct file_other_key);
	__type(value, struct file_errors);
} file_others SEC(".maps") TABLE("opens that failed, of paths for which there was no room");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1);
	__uint(max_entries, PROCESSES_MAX);
	__type(key, struct file_process);
	__type(value, struct file_opens);
} file_processes SEC(".maps") TABLE("opens of a process");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, 1);
	__type(key, int);
	__type(value, u64); /* when the open began; 0: in none */
} opens_begun SEC(".maps");

static __always_inline bool is_open(long number)
{
	return number == SYSCALL_OPENAT || number == SYSCALL_OPEN || number == SYSCALL_OPENAT2 ||
	       number == SYSCALL_CREAT;
}

SEC("raw_tp/sys_enter")
int file_on_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task;
	u64 *began;

	if (!is_open(ctx->args[1]))
		return 0;
	task = bpf_get_current_task_btf();
	if (call_is_compat(task) || !event_wants(task))
		return 0;
	began = bpf_task_storage_get(&opens_begun, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (began)
		*began = bpf_ktime_get_ns();
	else
		event_lost(bpf_core_type_id_local(struct file_open));
	return 0;
}

/* What a call was given. */
struct given {
	u64 path, flags, mode;
	s32 folder; /* descriptor, or AT_FDCWD */
};

static __always_inline void read_given(struct given *given, void *regs, long number)
{
	*given = (struct given){ .folder = AT_FDCWD };
	if (number == SYSCALL_OPENAT || number == SYSCALL_OPENAT2) {
		given->folder = call_argument(regs, 0);
		given->path = call_argument(regs, 1);
	} else {
		given->path = call_argument(regs, 0);
	}
	if (number == SYSCALL_OPENAT2) {
		u64 how[2] = {}; /* struct open_how: flags, mode */

		bpf_probe_read_user(how, sizeof(how), (void *)call_argument(regs, 2));
		given->flags = how[0];
		given->mode = how[1];
	} else if (number == SYSCALL_OPENAT) {
		given->flags = call_argument(regs, 2);
		given->mode = call_argument(regs, 3);
	} else if (number == SYSCALL_CREAT) {
		given->flags = O_CREAT | O_WRONLY | O_TRUNC;
		given->mode = call_argument(regs, 1);
	} else {
		given->flags = call_argument(regs, 1);
		given->mode = call_argument(regs, 2);
	}
	if (!(given->flags & O_CREAT))
		given->mode = 0; /* then it means nothing */
}

static __always_inline void put_folder(struct event_buffer *buffer, struct file_open *open,
				       struct task_struct *task, s32 fd)
{
	struct file *folder;

	if (fd == AT_FDCWD) {
		path_put(buffer, &open->folder, BPF_CORE_READ(task, fs, pwd.dentry),
			 BPF_CORE_READ(task, fs, pwd.mnt));
		return;
	}
	folder = open_file(task, (u32)fd);
	if (folder)
		path_put(buffer, &open->folder, BPF_CORE_READ(folder, f_path.dentry),
			 BPF_CORE_READ(folder, f_path.mnt));
}

static __always_inline bool is_told(u64 duration, u32 error)
{
	if (duration < filter.min_duration)
		return false;
	return each >= 2 || duration >= slow || (each == 1 && error);
}

static __always_inline void tell(struct task_struct *task, const struct given *given, u64 duration,
				 long result)
{
	struct event_buffer *buffer = event_begin(file_open, task);
	struct file_open *open;
	u32 error = call_errno(result);
	u8 *path;

	if (!buffer)
		return;
	open = event_in(buffer);
	open->duration = duration;
	open->is_slow = duration >= slow;
	open->errno = error;
	open->fd = error ? (u32)NOT_MEASURED : (u32)result;
	open->flags = given->flags;
	open->mode = given->mode;
	open->access = given->flags & O_PATH ? FILE_ACCESS_PATH : given->flags & O_ACCMODE;
	open->creates = given->flags & O_CREAT;
	open->truncates = given->flags & O_TRUNC;
	open->appends = given->flags & O_APPEND;
	path = event_place(buffer);
	path[0] = '\0';
	event_put_user(buffer, &open->path, (void *)given->path, FILE_BYTES);
	if (path[0] != '/')
		put_folder(buffer, open, task, given->folder);
	event_end(buffer);
}

static __always_inline struct file_errors *row_of(void *map, const void *key)
{
	struct file_errors *row = bpf_map_lookup_elem(map, key), none = {};

	if (row)
		return row;
	bpf_map_update_elem(map, key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, key);
}

static __always_inline void count_failed(struct task_struct *task, u64 path, u32 error)
{
	struct file_other_key other = { task->tgid, error };
	struct file_key key = { .pid = task->tgid, .errno = error };
	struct file_errors *row;

	bpf_probe_read_user_str(key.path, sizeof(key.path), (void *)path);
	row = row_of(&file_failed, &key) ?: row_of(&file_others, &other);
	if (!row) {
		event_lost(bpf_core_type_id_local(struct file_key));
		return;
	}
	__sync_fetch_and_add(&row->count, 1);
	event_keep_comm(row->comm, task);
}

static const struct file_opens no_opens;

static __always_inline void count_open(struct task_struct *task, u64 duration, u32 error)
{
	struct file_process key = { task->tgid };
	struct file_opens *row = bpf_map_lookup_elem(&file_processes, &key);

	if (!row) {
		bpf_map_update_elem(&file_processes, &key, &no_opens, BPF_NOEXIST);
		row = bpf_map_lookup_elem(&file_processes, &key);
	}
	if (!row) {
		event_lost(bpf_core_type_id_local(struct file_process));
		return;
	}
	__sync_fetch_and_add(&row->count, 1);
	if (error)
		__sync_fetch_and_add(&row->errors, 1);
	histogram_count_shared(&row->latency, duration);
	event_keep_comm(row->comm, task);
}

SEC("raw_tp/sys_exit")
int file_on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	long number = call_of_task(task);
	u64 *began, duration;
	struct given given;
	u32 error;

	if (!is_open(number))
		return 0;
	began = bpf_task_storage_get(&opens_begun, task, NULL, 0);
	if (!began || !*began)
		return 0;
	duration = bpf_ktime_get_ns() - *began;
	*began = 0;
	read_given(&given, (void *)ctx->args[0], number);
	error = call_errno(ctx->args[1]);
	count_open(task, duration, error);
	if (error)
		count_failed(task, given.path, error);
	if (is_told(duration, error))
		tell(task, &given, duration, ctx->args[1]);
	return 0;
}
