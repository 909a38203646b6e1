/* SPDX-License-Identifier: Dual MIT/GPL */
/* lock.bpf.c - waits for futexes, seen at context switches, and for the kernel's own sleeping locks.
 *
 * A thread that goes to sleep in futex() has its arguments in its registers, so no system call is hooked,
 * and a futex that nobody waits for costs nothing.  Who holds it is read from its word or from behind it,
 * and only told if it is a thread of the same process; whatever else may lie there is not.
 */
#include "collect/lock/lock.wire.h"
#include "probe/call.bpf.h"
#include "probe/event.bpf.h"
#include "probe/histogram.bpf.h"

#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define WAITS_MAX         16384 /* threads that wait at once */
#define WAITING_SLOTS     512   /* a power of 2 */
#define LOCKS_MAX         2048
#define THREADS_MAX       256       /* of a process, among which the holder is looked for */
#define PID_MOST          (1 << 22) /* PID_MAX_LIMIT of the kernel */

/* include/uapi/linux/futex.h */
#define FUTEX_CMD         0x7f
#define FUTEX_WAIT        0
#define FUTEX_LOCK_PI     6
#define FUTEX_WAIT_BITSET 9
#define FUTEX_LOCK_PI2    13
#define FUTEX_WAITERS     0x80000000
#define FUTEX_TID         0x3fffffff
#define WORD_HELD         2     /* and waited for */
#define MUTEX_KINDS       0x3ff /* what the kind of a mutex of glibc may be */

/* include/trace/events/lock.h */
#define CONTENTION_SPIN   1
#define CONTENTION_READ   2
#define CONTENTION_WRITE  4
#define CONTENTION_RT     8
#define CONTENTION_PERCPU 16
#define CONTENTION_MUTEX  32

const volatile unit_ns slow KNOB("a wait that takes as long is told by itself") = 1000000;
const volatile u8 waits KNOB("1: also waits for anything else than a lock") = 0;

/* A wait under way, by thread. */
struct wait {
	u64 began, address;
	enum lock_kind kind;
	u32 holder; /* as the process numbers its threads; 0: not known */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WAITS_MAX);
	__type(key, u32);
	__type(value, struct wait);
} futex_waits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LOCKS_MAX);
	__type(key, struct lock_key);
	__type(value, struct lock_value);
} lock_futexes SEC(".maps") TABLE("waits for a futex");

/* How many of them are of threads with this number, modulo the size: mostly none, and then a switch looks
 * no further.
 */
static u32 waiting[WAITING_SLOTS];

struct kernel_wait {
	u64 began, address;
	enum lock_kernel_kind kind;
	u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WAITS_MAX);
	__type(key, u32);
	__type(value, struct kernel_wait);
} kernel_waits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LOCKS_MAX);
	__type(key, struct lock_kernel_key);
	__type(value, struct lock_value);
} lock_kernel SEC(".maps") TABLE("waits for mutexes and semaphores of the kernel");

/* The beginning of glibc's pthread_mutex_t, of which the futex is the first member. */
struct futex_words {
	u32 word, count, owner, users, kind;
};

/* Looks for a thread by the number that its own process knows it by. */
struct search {
	struct list_head *head, *at;
	struct task_struct *found;
	u32 tid;
};

static long look_at_thread(u32 index, void *context)
{
	struct search *search = context;
	struct list_head *at = search->at;
	struct task_struct *task;
	struct upid *own;
	struct pid *pid;
	u32 level;

	if (!at || at == search->head)
		return 1;
	task = (void *)at - bpf_core_field_offset(struct task_struct, thread_node);
	pid = BPF_CORE_READ(task, thread_pid);
	level = BPF_CORE_READ(pid, level);
	own = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	      (u64)level * bpf_core_type_size(struct upid);
	if ((u32)BPF_CORE_READ(own, nr) == search->tid) {
		search->found = task;
		return 1;
	}
	search->at = BPF_CORE_READ(at, next);
	return 0;
}

static __always_inline struct task_struct *find_thread(struct task_struct *task, u32 tid)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct list_head *head =
		(void *)signal + bpf_core_field_offset(struct signal_struct, thread_head);
	struct search search = { head, BPF_CORE_READ(head, next), NULL, tid };

	bpf_loop(THREADS_MAX, look_at_thread, &search, 0);
	return search.found;
}

/* Whether a word names its owner: other words may have the same bit. */
static __always_inline bool names_owner(struct task_struct *task, u32 word)
{
	u32 tid = word & FUTEX_TID;

	return word & FUTEX_WAITERS && tid && tid <= PID_MOST && find_thread(task, tid);
}

static __always_inline void read_holder(struct task_struct *task, struct wait *wait, u32 command,
					u32 expected)
{
	struct futex_words words = {};

	if (command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2) {
		wait->kind = LOCK_KIND_PI;
		bpf_probe_read_user(&words.word, sizeof(words.word), (void *)wait->address);
		wait->holder = words.word & FUTEX_TID;
	} else if (names_owner(task, expected)) {
		wait->kind = LOCK_KIND_OWNED;
		wait->holder = expected & FUTEX_TID;
	} else if (expected == WORD_HELD) {
		wait->kind = LOCK_KIND_MUTEX;
		if (!bpf_probe_read_user(&words, sizeof(words), (void *)wait->address) &&
		    words.users && !(words.kind & ~MUTEX_KINDS))
			wait->holder = words.owner;
	} else {
		wait->kind = LOCK_KIND_WAIT;
	}
}

static __always_inline u32 *waiting_of(u32 tid)
{
	return &waiting[tid & (WAITING_SLOTS - 1)];
}

static __always_inline void keep_wait(u32 tid, const struct wait *wait)
{
	if (bpf_map_update_elem(&futex_waits, &tid, wait, BPF_NOEXIST))
		event_lost(bpf_core_type_id_local(struct lock_key));
	else
		__sync_fetch_and_add(waiting_of(tid), 1);
}

/* Return: whether a thread has waited, and no longer does. */
static __always_inline bool take_wait(u32 tid, struct wait *ret_wait)
{
	struct wait *found;

	if (!*waiting_of(tid))
		return false;
	found = bpf_map_lookup_elem(&futex_waits, &tid);
	if (!found)
		return false;
	*ret_wait = *found;
	bpf_map_delete_elem(&futex_waits, &tid);
	__sync_fetch_and_add(waiting_of(tid), -1);
	return true;
}

/* A task that has called futex() goes to sleep. */
static __always_inline void begin_wait(struct task_struct *task)
{
	struct wait wait = {};
	u32 command, operation;
	void *regs;

	if (call_is_compat(task))
		return;
	regs = (void *)bpf_task_pt_regs(task);
	operation = call_argument(regs, 1);
	command = operation & FUTEX_CMD;
	if (command != FUTEX_WAIT && command != FUTEX_WAIT_BITSET && command != FUTEX_LOCK_PI &&
	    command != FUTEX_LOCK_PI2)
		return;
	wait.address = call_argument(regs, 0);
	read_holder(task, &wait, command, call_argument(regs, 2));
	if (wait.kind == LOCK_KIND_WAIT && !waits)
		return;
	wait.began = bpf_ktime_get_ns();
	keep_wait(task->pid, &wait);
}

/* A task is switched out.  If it waits by what is known, it came back before, and the host has not told. */
static __always_inline void leave(struct task_struct *task, bool is_preempted)
{
	struct wait unseen;

	if (take_wait(task->pid, &unseen) && (!event_wants_some() || event_wants(task)))
		event_lost(bpf_core_type_id_local(struct lock_key));
	if (is_preempted || (bpf_core_field_exists(task->__state) && !task->__state))
		return; /* it was made to let others run */
	if (!(task->flags & PF_KTHREAD) && call_of_task(task) == SYSCALL_FUTEX)
		begin_wait(task);
}

static const struct lock_value nothing;

static __always_inline void count_wait(void *table, const void *key, u32 type,
				       struct task_struct *task, u64 duration)
{
	struct lock_value *row = bpf_map_lookup_elem(table, key);

	if (!row) {
		bpf_map_update_elem(table, key, &nothing, BPF_NOEXIST);
		row = bpf_map_lookup_elem(table, key);
	}
	if (!row) {
		event_lost(type);
		return;
	}
	__sync_fetch_and_add(&row->count, 1);
	histogram_count_shared(&row->latency, duration);
	BPF_CORE_READ_STR_INTO(&row->comm, task, comm);
}

static __always_inline void tell_wait(struct task_struct *task, const struct wait *wait,
				      u64 duration)
{
	struct lock_wait *told = event_new(lock_wait, task);
	struct task_struct *holder = NULL;

	if (!told)
		return;
	if (wait->holder)
		holder = find_thread(task, wait->holder);
	told->duration = duration;
	told->kind = wait->kind;
	told->address = wait->address;
	told->holder = holder ? (u32)BPF_CORE_READ(holder, pid) : (u32)NOT_MEASURED;
	if (holder)
		BPF_CORE_READ_STR_INTO(&told->holder_comm, holder, comm);
	event_send(told);
}

static __always_inline void end_wait(struct task_struct *task)
{
	struct lock_key key = {};
	struct wait wait;
	u64 duration;

	if (!take_wait(task->pid, &wait))
		return;
	if (event_wants_some() && !event_wants(task))
		return;
	duration = bpf_ktime_get_ns() - wait.began;
	key.pid = task->tgid;
	key.kind = wait.kind;
	key.address = wait.address;
	count_wait(&lock_futexes, &key, bpf_core_type_id_local(struct lock_key), task, duration);
	if (duration >= slow && duration >= filter.min_duration)
		tell_wait(task, &wait, duration);
}

SEC("tp_btf/sched_switch")
int lock_on_switch(u64 *ctx)
{
	leave((void *)ctx[1], ctx[0]);
	end_wait((void *)ctx[2]);
	return 0;
}

static __always_inline bool kernel_kind(u32 flags, enum lock_kernel_kind *ret_kind)
{
	if (flags & CONTENTION_MUTEX)
		*ret_kind = LOCK_KERNEL_KIND_MUTEX;
	else if (flags & CONTENTION_SPIN)
		return false; /* also in interrupts, where nobody can be told */
	else if (flags & CONTENTION_PERCPU)
		*ret_kind = LOCK_KERNEL_KIND_PERCPU;
	else if (flags & CONTENTION_RT)
		*ret_kind = LOCK_KERNEL_KIND_RT_MUTEX;
	else
		*ret_kind = flags & CONTENTION_WRITE ? LOCK_KERNEL_KIND_WRITER
						     : LOCK_KERNEL_KIND_READER;
	return true;
}

SEC("raw_tp/contention_begin")
OPTIONAL("waits for locks of the kernel: it has no tracepoint for them before 5.19")
int lock_on_contention(struct bpf_raw_tracepoint_args *ctx)
{
	struct kernel_wait wait = { .began = bpf_ktime_get_ns(), .address = ctx->args[0] };
	u32 tid = bpf_get_current_pid_tgid();

	/* A mutex begins again when it ceases to spin: the first beginning stands. */
	if (!tid || !kernel_kind(ctx->args[1], &wait.kind))
		return 0;
	if (bpf_map_update_elem(&kernel_waits, &tid, &wait, BPF_NOEXIST) &&
	    !bpf_map_lookup_elem(&kernel_waits, &tid))
		event_lost(bpf_core_type_id_local(struct lock_kernel_key));
	return 0;
}

SEC("raw_tp/contention_end")
OPTIONAL("waits for locks of the kernel: it has no tracepoint for them before 5.19")
int lock_on_contention_end(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u32 tid = bpf_get_current_pid_tgid();
	struct kernel_wait *found = bpf_map_lookup_elem(&kernel_waits, &tid), wait;
	struct lock_kernel_key key = {};
	struct lock_kernel_wait *told;
	u64 duration;

	if (!found || found->address != ctx->args[0])
		return 0;
	wait = *found;
	bpf_map_delete_elem(&kernel_waits, &tid);
	if (event_wants_some() && !event_wants(task))
		return 0;
	duration = bpf_ktime_get_ns() - wait.began;
	key.pid = bpf_get_current_pid_tgid() >> 32;
	key.kind = wait.kind;
	count_wait(&lock_kernel, &key, bpf_core_type_id_local(struct lock_kernel_key), task,
		   duration);
	if (duration < slow || duration < filter.min_duration)
		return 0;
	told = event_new(lock_kernel_wait, task);
	if (told) {
		told->duration = duration;
		told->kind = wait.kind;
		told->address = wait.address;
		event_send(told);
	}
	return 0;
}
