/* SPDX-License-Identifier: Dual MIT/GPL */
/* uprobes.bpf.h - stacks of a task that somebody probes, as if nobody did.
 *
 * A return probe replaces the return address of its function by that of a trampoline until the
 * function returns; the kernel keeps the true one in a list, innermost first.  A walk that meets the
 * trampoline looks it up there by the place of the return address.  The task itself may be on the
 * trampoline, or execute the copy of a probed instruction.
 *
 * Who was never probed pays for one look at a pointer.
 */
#ifndef PROBE_UPROBES_BPF_H
#define PROBE_UPROBES_BPF_H

#include "probe/kernel.h"
#include "probe/regs.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define UPROBE_RETURNS_MAX      64 /* MAX_URETPROBE_DEPTH of the kernel; a power of two */
#define UPROBE_SLOT_BYTES       16 /* of a copied instruction */
#define UPROBE_TRAMPOLINE_BYTES 64 /* more than it has on any processor */

struct uprobe_return {
	u64 stack;   /* where the return address was put, on arm64 the stack pointer meanwhile */
	u64 address; /* that the trampoline stands for */
};

struct uprobe_returns {
	u64 ip, sp;     /* of the task: what uprobes_mend() is given and gives back */
	u64 trampoline; /* 0: nothing is pending */
	u64 wanted_from, wanted_to, found, address; /* of uprobes_find() */
	u32 count;
	u32 at;                                        /* the first that the walk has not passed */
	struct uprobe_return list[UPROBE_RETURNS_MAX]; /* innermost first */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct uprobe_returns);
} uprobe_returns SEC(".maps");

#define uprobes_is_probed(task) (bpf_core_field_exists((task)->utask) && (task)->utask)

#if defined(__TARGET_ARCH_x86)
#define UPROBE_SLOT       8    /* the return address lies below the stack pointer of the caller */
#define UPROBE_BREAKPOINT 0xcc /* int3 */
#define UPROBE_PUSHED     24   /* since 6.11 three registers are saved around a system call */
#define UPROBE_CALLED     13   /* bytes of the trampoline up to the end of that call */
#elif defined(__TARGET_ARCH_arm64)
#define UPROBE_SLOT   0
#define UPROBE_PUSHED 0
#endif

static __always_inline struct uprobe_returns *uprobes_returns(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&uprobe_returns, &zero);
}

struct uprobes_loading {
	struct uprobe_returns *returns;
	struct return_instance *next;
};

static int uprobes_load_step(u32 index, struct uprobes_loading *loading)
{
	struct return_instance *instance = loading->next;

	if (!instance || !loading->returns || index >= UPROBE_RETURNS_MAX)
		return 1;
	loading->returns->list[index].stack = BPF_CORE_READ(instance, stack);
	loading->returns->list[index].address = BPF_CORE_READ(instance, orig_ret_vaddr);
	loading->returns->count = index + 1;
	loading->next = BPF_CORE_READ(instance, next);
	return 0;
}

/* Notes what is pending of a task. */
static __always_inline void uprobes_load(struct task_struct *task, struct uprobe_returns *returns)
{
	struct uprobes_loading loading = { .returns = returns };

	returns->count = returns->at = 0;
	returns->trampoline = BPF_CORE_READ(task, mm, uprobes_state.xol_area, vaddr);
	loading.next = BPF_CORE_READ(task, utask, return_instances);
	bpf_loop(UPROBE_RETURNS_MAX, uprobes_load_step, &loading, 0);
}

static int uprobes_find_step(u32 index, struct uprobe_returns **context)
{
	struct uprobe_returns *returns = *context;
	u32 at;

	if (!returns)
		return 1;
	at = returns->at;
	barrier_var(at); /* the compiler must keep the check that follows */
	if (at >= returns->count || at >= UPROBE_RETURNS_MAX ||
	    returns->list[at].stack > returns->wanted_to)
		return 1;
	returns->at = at + 1;
	returns->found = returns->list[at].stack;
	if (returns->found < returns->wanted_from)
		return 0; /* passed without being met: left by longjmp() */
	returns->address = returns->list[at].address;
	return 1;
}

/* The return address that was put at @from to @to, of those that the walk has not passed.  Return: it;
 * 0.  Global, so that the verifier looks at it once.
 */
__noinline u64 uprobes_find(u64 from, u64 to)
{
	struct uprobe_returns *returns = uprobes_returns();

	if (!returns)
		return 0;
	returns->wanted_from = from;
	returns->wanted_to = to;
	returns->address = 0;
	bpf_loop(UPROBE_RETURNS_MAX, uprobes_find_step, &returns, 0);
	return returns->address;
}

/* What the return address @ip, which a walk has come to, stands for.  @sp: the caller's */
static __always_inline u64 uprobes_mend_ip(u64 trampoline, u64 ip, u64 sp)
{
	u64 address = ip == trampoline ? uprobes_find(sp - UPROBE_SLOT, sp - UPROBE_SLOT) : 0;

	return address ?: ip;
}

/* Whose registers are mended. */
enum uprobes_whom {
	UPROBES_SLEEPER,   /* of a task that is not running */
	UPROBES_IN_USER,   /* of the current task, interrupted in user mode */
	UPROBES_IN_KERNEL, /* of the current task, in the kernel */
};

/* The probe was handled: the trampoline pops what it saved, and returns. */
static __always_inline bool uprobes_pop(struct uprobe_returns *returns)
{
#if defined(__TARGET_ARCH_x86)
	u64 offset = returns->ip - returns->trampoline, slot = returns->sp, address;

	if (offset < UPROBE_CALLED)
		return false;
	slot += offset == UPROBE_CALLED ? 16 : offset == UPROBE_CALLED + 2 ? 8 : 0;
	if (bpf_probe_read_user(&address, sizeof(address), (void *)slot))
		return false;
	returns->ip = address;
	returns->sp = slot + 8;
	return true;
#else
	return false;
#endif
}

/* The task is on the trampoline. */
static __always_inline bool uprobes_leave(struct uprobe_returns *returns, enum uprobes_whom whom)
{
	u64 slot = returns->sp - UPROBE_SLOT;
	u64 address = uprobes_find(slot, slot + UPROBE_PUSHED);

	if (!address)
		return whom != UPROBES_SLEEPER && uprobes_pop(returns);
	returns->ip = address;
	returns->sp = returns->found + UPROBE_SLOT;
	return true;
}

/* Makes the registers those that the task would have without probes.  Return: whether ip is a return
 * address
 */
static __always_inline bool uprobes_mend(struct task_struct *task, struct uprobe_returns *returns,
					 enum uprobes_whom whom)
{
	u64 slot = BPF_CORE_READ(task, utask, xol_vaddr);

	uprobes_load(task, returns);
	if (slot && returns->ip - slot < UPROBE_SLOT_BYTES) {
		returns->ip += BPF_CORE_READ(task, utask, vaddr) - slot;
		return false;
	}
	if (returns->trampoline && returns->ip - returns->trampoline < UPROBE_TRAMPOLINE_BYTES)
		return uprobes_leave(returns, whom);
#if defined(__TARGET_ARCH_x86)
	/* In the breakpoint's handler it is one byte past the breakpoint for a while. */
	if (whom == UPROBES_IN_KERNEL && regs_is_trap(task)) {
		u8 byte = 0;

		bpf_probe_read_user(&byte, 1, (void *)(returns->ip - 1));
		returns->ip -= byte == UPROBE_BREAKPOINT;
	}
#endif
	return false;
}

/* As uprobes_mend(), of the current task. */
__noinline u32 uprobes_mend_current(u32 whom)
{
	struct uprobe_returns *returns = uprobes_returns();

	return returns ? uprobes_mend(bpf_get_current_task_btf(), returns, whom) : false;
}

/* A copied stack that gets the true return addresses. */
struct uprobes_copy {
	struct uprobe_returns *returns;
	u64 *words;
	u64 base; /* address of the first word */
	u32 count;
};

/* The step of a loop for uprobes_mend_copy(); there is room for @max words.  On arm64 the list does not
 * say where the addresses lie.
 */
static __always_inline int uprobes_mend_word(u32 index, struct uprobes_copy *copy, u32 max)
{
	u64 at;

	if (!UPROBE_SLOT || !copy->returns || !copy->words || index >= UPROBE_RETURNS_MAX ||
	    index >= copy->returns->count)
		return 1;
	at = (copy->returns->list[index].stack - copy->base) / 8;
	if (at < copy->count && at < max)
		copy->words[at] = copy->returns->list[index].address;
	return 0;
}

static __always_inline void uprobes_mend_copy(int (*step)(u32 index, struct uprobes_copy *copy),
					      u64 *words, u64 base, u32 count)
{
	struct uprobes_copy copy = { uprobes_returns(), words, base, count };

	bpf_loop(UPROBE_RETURNS_MAX, step, &copy, 0);
}

#endif
